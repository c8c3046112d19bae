import { copyOf } from '../../../base/bytes.ts';
import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { Queue } from '../../../base/queue.ts';
import { systemClock } from '../../../base/system-clock.ts';
import { MemoryPipe } from '../../../transport/memory-pipe.ts';
import { ChannelFrame, payloadKind } from '../channel-frame.ts';
import { type EndTransport, failed } from '../ends/channel-end.ts';
import type { OwnerEnd } from '../ends/owner-end.ts';
import type { UserEnd } from '../ends/user-end.ts';
import { chunkHeader } from '../joint-bytes/chunks.ts';
import type { RelayMessage } from '../lane-messages.ts';
import { createTable, roomCaps } from '../options.ts';
import { ChannelError, Reason } from '../reason.ts';
import { roomLimits } from '../relay/access-policy.ts';
import { memberIdentity, MessageMember } from '../relay/bus-member.ts';
import { type Denial, denialReason, denialSentence, Relay } from '../relay/relay.ts';
import type { Room, Seat } from '../relay/room.ts';

type Given = { readonly [Name in keyof Pace]: Pace[Name] | undefined };

/** Where channels live that need no relay. Owners and users meet only inside one network. */
export class OfflineNetwork {
  /** @internal */
  readonly relay = new Relay(systemClock, 10_000);
  /** @internal What the owners said, which holds for users that say nothing else. */
  readonly paces = new WeakMap<Room, Pace>();
}

/** The network of all clients that name no other: what makes an offline id mean one thing in a process. */
export const processOffline = new OfflineNetwork();

/** The offline channels of one client. */
export class OfflineRooms {
  readonly #network: OfflineNetwork;
  readonly #clock: Clock;
  readonly #identity;
  readonly #ends = new Set<OwnerEnd | UserEnd>();

  constructor(network: OfflineNetwork, clock: Clock, id: string) {
    this.#network = network;
    this.#clock = clock;
    this.#identity = memberIdentity({ id, joint: false }, id, 128);
  }

  /** Opens the channel after the lag; rejects with `ERR_CHANNEL`. */
  create(end: OwnerEnd, asked: Readonly<Record<string, unknown>>, { netLag, netSpeed }: Pace): Promise<void> {
    const pace = { netLag, netSpeed };
    const { relay, paces } = this.#network;
    return this.#after(pace, () => {
      const limits = roomLimits(asked, roomCaps);
      const owner = this.#member(end);
      const room = relay.create({ id: end.id, owner, limits, listed: asked['listed'] !== false });
      if (typeof room === 'string') return room;
      paces.set(room, pace);
      this.#ends.add(end);
      end.admitted(['created', 0, room.membership(room.number)], new OfflineTransport(this.#clock, pace, relay, room));
      return undefined;
    });
  }

  /** Enters after the lag; the owner learns of it first. Rejects with `ERR_CHANNEL`. */
  enter(end: UserEnd, maxChunkBytes: number | undefined, given: Given): Promise<void> {
    const { relay } = this.#network;
    return this.#after(this.#paceOf(end.id, given), () =>
      relay.enter(this.#member(end), end.id, maxChunkBytes, (seat) => {
        const { room, number, token } = seat;
        const transport = new OfflineTransport(this.#clock, this.#paceOf(end.id, given), relay, room, seat);
        this.#ends.add(end);
        end.admitted(['entered', 0, room.membership(number), token, room.owner.peer], transport);
      }),
    );
  }

  closeAll(): void {
    for (const end of this.#ends) end.quit();
    this.#ends.clear();
  }

  /** An end as the relay of the process sees it: what it is told arrives at once, as the sender has waited already. */
  #member(end: OwnerEnd | UserEnd): MessageMember {
    const send = (data: RelayMessage | ChannelFrame): undefined => {
      if (data instanceof ChannelFrame) end.deliver(data);
      else end.told(data);
    };
    return new MessageMember(this.#identity, { pendingBytes: 0, send });
  }

  /** The owner's, as far as nothing else was given. */
  #paceOf(id: string, { netLag, netSpeed }: Given): Pace {
    const room = this.#network.relay.named(id);
    const own = room === undefined ? undefined : this.#network.paces.get(room);
    return {
      netLag: netLag ?? own?.netLag ?? createTable.netLag.default,
      netSpeed: netSpeed ?? own?.netSpeed ?? createTable.netSpeed.default,
    };
  }

  #after(pace: Pace, open: () => Denial | undefined): Promise<void> {
    for (const end of this.#ends) if (end.closed !== undefined) this.#ends.delete(end);
    return new Promise((resolve, reject) => {
      const task = (): void => {
        const denial = open();
        if (denial === undefined) resolve();
        else reject(new ChannelError(denialReason[denial], denialSentence[denial]));
      };
      this.#clock.setTimer(task, pace.netLag);
    });
  }
}

/** How slow a way is. */
export interface Pace {
  /** Milliseconds for each send, besides its bytes. */
  readonly netLag: number;
  /** Bytes per second. */
  readonly netSpeed: number;
}

const maxBytes = 67_108_864;

/**
 * The way of an offline end to the relay of its process: what is sent takes as long as in a memory link of that pace, and
 * everything arrives in order. Chunks are two sends, as in peote-net: the header and the body.
 */
class OfflineTransport implements EndTransport {
  readonly #relay: Relay;
  readonly #room: Room;
  readonly #seat: Seat | undefined;
  readonly #pipe: MemoryPipe;
  /** What to do when this many sends have arrived. */
  readonly #underWay = new Queue<{ readonly at: number; readonly task: () => void }>();
  #sent = 0;
  #arrived = 0;

  /** `seat`: of a user's end. */
  constructor(clock: Clock, pace: Pace, relay: Relay, room: Room, seat?: Seat) {
    this.#relay = relay;
    this.#room = room;
    this.#seat = seat;
    this.#pipe = new MemoryPipe({ clock, ...pace }, { data: () => this.#arrival(), end: none, drain: none, cut: none });
    this.#pipe.hold(false);
  }

  send({ kind, room, user, toAll, body }: ChannelFrame): Promise<void> {
    if (this.#pipe.bufferedBytes + body.length > maxBytes) {
      return failed(new BusError('ERR_QUEUE_FULL', `${maxBytes} bytes are on their way already`));
    }
    // What the sender does with its bytes afterwards changes nothing.
    const frame = new ChannelFrame(kind, room, user, toAll, copyOf(body));
    if (kind === payloadKind.chunk) this.#push(chunkHeader(body.length, this.#room.limits.maxChunkBytes));
    this.#push(frame.body);
    this.#underWay.push({ at: this.#sent, task: () => this.#deliver(frame) });
    return Promise.resolve();
  }

  leave(): void {
    this.#after(() => {
      if (this.#seat === undefined) this.#relay.close(this.#room, Reason.CLOSE);
      else this.#relay.leave(this.#seat, Reason.CLOSE);
    });
  }

  kick(user: number, text: string | undefined): void {
    this.#withSeat(user, (seat) => this.#relay.kick(seat, Reason.KICK, text));
  }

  block(user: number, text: string | undefined): void {
    this.#withSeat(user, (seat) => this.#relay.block(seat, text));
  }

  unblock(who: number | string): void {
    this.#after(() => this.#relay.unblock(this.#room, who));
  }

  #deliver(frame: ChannelFrame): void {
    if (this.#seat !== undefined) void this.#relay.toOwner(this.#seat, frame);
    else if (frame.toAll) this.#relay.broadcast(this.#room, frame);
    else void this.#relay.toUser(this.#room, frame);
  }

  #withSeat(user: number, act: (seat: Seat) => void): void {
    this.#after(() => {
      const seat = this.#room.seated(user);
      if (seat !== undefined) act(seat);
    });
  }

  /** Behind what was sent, and at once when nothing is in flight. */
  #after(task: () => void): void {
    if (this.#underWay.length === 0) task();
    else this.#underWay.push({ at: this.#sent, task });
  }

  #push(bytes: Uint8Array): void {
    this.#pipe.push(bytes);
    this.#sent += 1;
  }

  #arrival(): void {
    this.#arrived += 1;
    for (let first = this.#underWay.first; first !== undefined && first.at <= this.#arrived; ) {
      this.#underWay.shift();
      first.task();
      first = this.#underWay.first;
    }
  }
}

function none(): void {
  // A pipe without faults only brings data.
}
