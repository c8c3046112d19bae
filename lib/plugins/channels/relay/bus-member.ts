import { BoundedTurns } from '../../../base/bounded-turns.ts';
import { CreditWindow } from '../../../base/flow-control.ts';
import { Queue } from '../../../base/queue.ts';
import { SlotTable } from '../../../base/slot-table.ts';
import type { Lane, PeerHandle } from '../../../bus/plugin.ts';
import { ChannelFrame, messageCost } from '../channel-frame.ts';
import type { ChannelPeer, RelayMessage } from '../lane-messages.ts';
import type { Reason } from '../reason.ts';
import type { RelayOptions } from '../relay-options.ts';
import type { Member, Room, Seat } from './room.ts';

/** About what a message takes. */
const messageBytes = 64;

/** Who a member is, and the numbers it has for its rooms; ends of one client have them in common. */
export interface MemberIdentity {
  readonly peer: ChannelPeer;
  readonly keys: readonly string[];
  readonly owned: SlotTable<Room>;
  readonly entered: SlotTable<Seat>;
}

export function memberIdentity(peer: ChannelPeer, key: string, maxChannels: number): MemberIdentity {
  return { peer, keys: [key], owned: new SlotTable(maxChannels), entered: new SlotTable(maxChannels) };
}

/** The way out to a member. */
export interface MemberOutput {
  /** Bytes that wait on it. */
  readonly pendingBytes: number;
  /**
   * Accepts a message, or a frame of this many bytes. If it returns a promise, that resolves when there is room for
   * more; it never rejects.
   */
  send(data: RelayMessage | ChannelFrame, bytes: number): Promise<void> | undefined;
}

/** A member that is told things in the form of the channels lane. */
export class MessageMember implements Member, MemberIdentity {
  readonly peer: ChannelPeer;
  readonly keys: readonly string[];
  readonly owned: SlotTable<Room>;
  readonly entered: SlotTable<Seat>;
  readonly #output: MemberOutput;

  constructor({ peer, keys, owned, entered }: MemberIdentity, output: MemberOutput) {
    this.peer = peer;
    this.keys = keys;
    this.owned = owned;
    this.entered = entered;
    this.#output = output;
  }

  get pendingBytes(): number {
    return this.#output.pendingBytes;
  }

  tell(message: RelayMessage): void {
    void this.#output.send(message, messageBytes);
  }

  userConnect(room: Room, seat: Seat): void {
    this.tell(['userConnect', room.serial, seat.token, seat.member.peer]);
  }

  userDisconnect(seat: Seat, reason: Reason): void {
    this.tell(['userDisconnect', seat.room.serial, seat.token, reason]);
  }

  gone(seat: Seat, reason: Reason, text: string | undefined): void {
    this.tell(['gone', seat.room.serial, reason, text ?? null]);
  }

  closed(room: Room, reason: Reason): void {
    this.tell(['closed', room.serial, reason]);
  }

  ownerTrouble(room: Room, reason: Reason, user: number | undefined): void {
    this.tell(['trouble', room.serial, reason, user ?? null]);
  }

  userTrouble(seat: Seat, reason: Reason): void {
    this.tell(['trouble', seat.room.serial, reason, null]);
  }

  toOwner(_seat: Seat, frame: ChannelFrame): Promise<void> | undefined {
    return this.#output.send(frame, frame.body.length);
  }

  toUser(_seat: Seat, frame: ChannelFrame): Promise<void> | undefined {
    return this.#output.send(frame, frame.body.length);
  }
}

/** What may be handed to a session beyond what it has room for; the rest waits here. */
const handedBytes = 1_048_576;

/** A bus connection in its rooms. */
export class BusMember extends MessageMember {
  readonly handle: PeerHandle;
  readonly patterns = new Set<string>();
  /** What it has to say about topics while `authorize` is asked, so that it keeps its order. */
  readonly authorizations: BoundedTurns;
  readonly #output: SendQueue;

  constructor(handle: PeerHandle, lane: Lane, key: string, options: RelayOptions) {
    const output = new SendQueue(lane, handle);
    super(memberIdentity({ id: handle.id ?? '', joint: false }, key, options.maxChannels), output);
    this.handle = handle;
    this.authorizations = new BoundedTurns(options.maxPendingBytes, 'messages of the peer wait for "authorize"');
    this.#output = output;
  }

  get present(): boolean {
    return this.#output.open;
  }

  /** The session is over: nothing goes out any more, and nobody is asked about what it wanted. */
  depart(): void {
    this.#output.close();
    this.authorizations.close();
  }
}

interface Waiting {
  readonly data: RelayMessage | Uint8Array;
  readonly cost: number;
  readonly sent: () => void;
}

/** The way out to one bus peer: keeps the order of everything, and knows how much waits. */
class SendQueue implements MemberOutput {
  readonly #lane: Lane;
  readonly #handle: PeerHandle;
  readonly #queue = new Queue<Waiting>();
  /** What the session took without having room for it. */
  readonly #handed = new CreditWindow(handedBytes);
  #queuedBytes = 0;
  #open = true;

  constructor(lane: Lane, handle: PeerHandle) {
    this.#lane = lane;
    this.#handle = handle;
  }

  get open(): boolean {
    return this.#open;
  }

  get pendingBytes(): number {
    return this.#handed.used + this.#queuedBytes;
  }

  /** Undefined when the session accepted it at once, else resolves when it did or is over. */
  send(given: RelayMessage | ChannelFrame, bytes: number): Promise<void> | undefined {
    const cost = bytes + messageCost;
    if (!this.#open) return undefined;
    const data = given instanceof ChannelFrame ? given.bytes : given;
    if (this.#queue.length === 0 && !this.#handed.full) return this.#hand(data, cost);
    this.#queuedBytes += cost;
    return new Promise((sent) => this.#queue.push({ data, cost, sent }));
  }

  close(): void {
    this.#open = false;
    for (const { sent } of this.#queue.clear()) sent();
    this.#queuedBytes = 0;
  }

  #hand(data: RelayMessage | Uint8Array, cost: number): Promise<void> | undefined {
    try {
      if (this.#lane.trySend(this.#handle, data)) return undefined;
    } catch {
      // The session is over.
      return undefined;
    }
    this.#handed.take(cost);
    const settled = (): void => {
      this.#handed.grant(cost);
      this.#drain();
    };
    return this.#lane.send(this.#handle, data).then(settled, settled);
  }

  #drain(): void {
    while (!this.#handed.full) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#queuedBytes -= next.cost;
      const handed = this.#hand(next.data, next.cost);
      if (handed === undefined) next.sent();
      else void handed.then(next.sent);
    }
  }
}
