import type { Clock } from '../../../base/clock.ts';
import { isLoopback } from '../../../base/ip.ts';
import { ChannelFrame, nobody, payloadKind } from '../channel-frame.ts';
import { Reason } from '../reason.ts';
import type { Requester } from '../relay-options.ts';
import type { AccessPolicy } from '../relay/access-policy.ts';
import type { Denial, Relay } from '../relay/relay.ts';
import { JointClientParser, type JointCommands } from './client-parser.ts';
import { JointMember } from './joint-member.ts';
import { type JointPipe, JointWriteQueue } from './write-queue.ts';

/** The error codes of replies. */
const createCodes: Partial<Record<Denial, number>> = { max: 1, taken: 2 };
const enterCodes: Partial<Record<Denial, number>> = { unknown: 1, blocked: 1, own: 2, inside: 3, full: 4, max: 5 };

/** Bytes that may be on their way to owners who do not keep up, before the peer is not read any more. */
const highWaterBytes = 1_048_576;

/** Requests a correct peer has open at most, having that many tags. */
const maxAsking = 255;

export interface JointConnectionOptions {
  readonly clock: Clock;
  readonly relay: Relay;
  readonly policy: AccessPolicy;
  readonly id: string;
  readonly maxChannels: number;
  readonly keepAliveMs: number;
  readonly maxPendingBytes: number;
  /** Sees the first bytes; true if they are of another protocol, and the connection somebody else's now. */
  takenOver(first: Uint8Array): boolean;
  /** Once, when the link is closed. */
  closed(): void;
  report(error: unknown): void;
}

/** One connection of the joint protocol: turns what its peer sends into moves of the relay. */
export class JointConnection implements JointCommands {
  readonly #pipe: JointPipe;
  readonly #options: JointConnectionOptions;
  readonly #requester: Requester;
  readonly #parser = new JointClientParser(this);
  readonly #queue: JointWriteQueue;
  readonly #member: JointMember;
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #present = true;
  #spoke = false;
  #heldBytes = 0;
  /** Requests that wait for `authorize`. */
  #asking = 0;

  constructor(pipe: JointPipe, options: JointConnectionOptions) {
    const { clock, keepAliveMs, maxPendingBytes, id, maxChannels, policy } = options;
    this.#pipe = pipe;
    this.#options = options;
    this.#requester = { id, joint: true, remoteAddress: pipe.remote, connection: undefined };
    this.#queue = new JointWriteQueue(pipe, { clock, keepAliveMs, maxPendingBytes, overflow: () => this.drop() });
    this.#member = new JointMember(this.#queue, {
      id,
      maxChannels,
      keys: blockKeys(policy.key(this.#requester), id, pipe.remote),
      revoked: () => this.drop(),
    });
    pipe.attach({
      data: (bytes) => this.#receive(bytes),
      drain: () => this.#queue.drain(),
      close: () => {
        this.#depart(Reason.DISCONNECT);
        options.closed();
      },
    });
  }

  /** Ends the connection from this side; for the others its link is lost. */
  drop(): void {
    if (!this.#present) return;
    this.#queue.flush();
    this.#depart(Reason.DISCONNECT);
    this.#pipe.end();
  }

  /** Ends the connection because the relay closes. */
  close(): void {
    this.#queue.flush();
    this.#depart(Reason.CLOSE);
    this.#pipe.end();
  }

  create(tag: number, bytes: Uint8Array): void {
    this.#permitted('create', tag, bytes, 2, (id) => {
      const { relay, policy } = this.#options;
      const room = relay.create({ id, owner: this.#member, limits: policy.limits({}), listed: true });
      if (typeof room === 'string') this.#reply(tag, false, createCodes[room] ?? 2);
      else this.#reply(tag, true, room.number);
    });
  }

  enter(tag: number, bytes: Uint8Array): void {
    this.#permitted('enter', tag, bytes, 1, (id) => {
      const { relay } = this.#options;
      const refusal = relay.enter(this.#member, id, undefined, (seat) => this.#reply(tag, true, seat.number));
      if (refusal !== undefined) this.#reply(tag, false, enterCodes[refusal] ?? 1);
    });
  }

  leave(joint: number): void {
    const seat = this.#member.entered.get(joint);
    if (seat !== undefined) this.#options.relay.leave(seat, Reason.CLOSE);
  }

  remove(joint: number): void {
    const room = this.#member.owned.get(joint);
    if (room !== undefined) this.#options.relay.close(room, Reason.CLOSE);
  }

  toOwner(joint: number, bytes: Uint8Array): void {
    const seat = this.#member.entered.get(joint);
    if (seat === undefined) return;
    const frame = new ChannelFrame(payloadKind.stream, seat.room.serial, seat.token, false, bytes);
    this.#hold(bytes.length, this.#options.relay.toOwner(seat, frame));
  }

  toUser(joint: number, user: number, bytes: Uint8Array): void {
    const room = this.#member.owned.get(joint);
    const seat = room?.seats.get(user);
    if (room === undefined || seat === undefined) return;
    // A user who takes nothing is put out in the end; it must not hold its owner up.
    void this.#options.relay.toUser(room, new ChannelFrame(payloadKind.stream, room.serial, seat.token, false, bytes));
  }

  broadcast(joint: number, except: number | undefined, bytes: Uint8Array): void {
    const room = this.#member.owned.get(joint);
    if (room === undefined) return;
    const token = except === undefined ? undefined : room.seats.get(except)?.token;
    this.#options.relay.broadcast(
      room,
      new ChannelFrame(payloadKind.stream, room.serial, token ?? nobody, true, bytes),
    );
  }

  #receive(bytes: Uint8Array): void {
    if (!this.#present) return;
    if (!this.#spoke) {
      this.#spoke = true;
      if (this.#options.takenOver(bytes)) {
        this.#depart(Reason.CLOSE);
        return;
      }
    }
    try {
      this.#parser.feed(bytes);
    } catch (error) {
      this.#options.report(error);
      this.drop();
    }
  }

  /** Reads the id, asks `authorize` if there is one, and continues in the same turn if there is none. */
  #permitted(
    action: 'create' | 'enter',
    tag: number,
    bytes: Uint8Array,
    refused: number,
    run: (id: string) => void,
  ): void {
    let id: string;
    try {
      id = this.#utf8.decode(bytes);
    } catch {
      this.#reply(tag, false, refused);
      return;
    }
    const { policy } = this.#options;
    if (policy.open) {
      run(id);
      return;
    }
    this.#asking += 1;
    if (this.#asking > maxAsking) {
      this.drop();
      return;
    }
    void policy.admits(action, id, this.#requester).then((admitted) => {
      this.#asking -= 1;
      if (!this.#present) return;
      if (admitted) run(id);
      else this.#reply(tag, false, refused);
    });
  }

  #reply(tag: number, ok: boolean, value: number): void {
    this.#queue.write((writer) => writer.reply(tag, ok, value));
  }

  /** Stops reading a peer whose owners do not keep up with it. */
  #hold(bytes: number, taken: Promise<void> | void): void {
    if (taken === undefined) return;
    this.#heldBytes += bytes;
    if (this.#heldBytes > highWaterBytes) this.#pipe.pause();
    void taken.then(() => {
      const held = this.#heldBytes > highWaterBytes;
      this.#heldBytes -= bytes;
      if (held && this.#heldBytes <= highWaterBytes) this.#pipe.resume();
    });
  }

  #depart(reason: Reason): void {
    if (!this.#present) return;
    this.#present = false;
    this.#queue.close();
    this.#options.relay.removeMember(this.#member, reason);
  }
}

/** On loopback everybody has the same address; elsewhere a blocked peer must not come back on a new connection. */
function blockKeys(chosen: string | undefined, id: string, address: string): string[] {
  if (chosen !== undefined) return [chosen];
  return isLoopback(address) ? [id] : [id, `joint:${address}`];
}
