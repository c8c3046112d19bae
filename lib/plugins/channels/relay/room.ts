import { type CreditReturn, TokenBucket } from '../../../base/flow-control.ts';
import { SlotTable } from '../../../base/slot-table.ts';
import type { ChannelFrame } from '../channel-frame.ts';
import type { ChannelPeer, Membership } from '../lane-messages.ts';
import type { Reason } from '../reason.ts';
import type { RateLimits, RoomLimits } from './access-policy.ts';

/**
 * A peer as the relay sees it, however it is connected: over the bus, by the joint protocol or in this process. The
 * relay calls each of these in the order of events; none may call back into the relay before it returned.
 */
export interface Member {
  readonly peer: ChannelPeer;
  /** By whom a block knows this member again; more than one key if it can be known by more. */
  readonly keys: readonly string[];
  readonly owned: SlotTable<Room>;
  readonly entered: SlotTable<Seat>;
  /** Bytes that wait to go out to this member. */
  readonly pendingBytes: number;
  /** A user of the member's room came or went. */
  userConnect(room: Room, seat: Seat): void;
  userDisconnect(seat: Seat, reason: Reason): void;
  /** The member is not a user any more, and it was not its own wish. */
  gone(seat: Seat, reason: Reason, text: string | undefined): void;
  /** The relay closed the member's room. */
  closed(room: Room, reason: Reason): void;
  /** Something is wrong with a user of the member's room, or with the room (`user` undefined). */
  ownerTrouble(room: Room, reason: Reason, user: number | undefined): void;
  /** Something is wrong with what the member sent as a user. */
  userTrouble(seat: Seat, reason: Reason): void;
  /** Resolves, if it is a promise, when the member takes more. */
  toOwner(seat: Seat, frame: ChannelFrame): Promise<void> | void;
  toUser(seat: Seat, frame: ChannelFrame): Promise<void> | void;
}

/** One user's place in a room. */
export class Seat {
  readonly room: Room;
  readonly member: Member;
  /** The user's number in the room, 0 to 255. */
  readonly user: number;
  /**
   * The number with a mark above it, a new one each time the number is given: what is meant for one who left never
   * reaches the next.
   */
  readonly token: number;
  /** The member's own number for this place, 0 to 127. */
  readonly number: number;
  readonly limiter: RateLimiter;
  /** The header class of chunks that go to an owner who speaks the joint protocol. */
  readonly maxChunkBytes: number;
  /** Set when the user leaves; what is in flight to or from it is then dropped. */
  left: Reason | undefined;
  /** What was accepted at the peer and the sender, user or owner, is to be told about. */
  creditForUser: CreditReturn | undefined;
  creditForOwner: CreditReturn | undefined;

  constructor(room: Room, member: Member, user: number, number: number, maxChunkBytes: number, nowMs: number) {
    this.room = room;
    this.member = member;
    this.user = user;
    this.token = room.mark(user);
    this.number = number;
    this.maxChunkBytes = maxChunkBytes;
    this.limiter = new RateLimiter(room.limits.rate, nowMs);
  }
}

/** One channel: its owner, its users and its limits. */
export class Room {
  readonly id: string;
  /** The relay's own number for the room; never used twice. */
  readonly serial: number;
  readonly owner: Member;
  /** The owner's own number for it, 0 to 127. */
  readonly number: number;
  readonly limits: RoomLimits;
  readonly listed: boolean;
  readonly seats: SlotTable<Seat>;
  readonly blocks: Block[] = [];
  readonly limiter: RateLimiter;
  closed: Reason | undefined;
  /** Users whom the next broadcast leaves out. */
  skipped: ReadonlySet<number> = new Set();
  readonly #marks = new Uint8Array(256);

  constructor(origin: RoomOrigin, serial: number, number: number, nowMs: number) {
    this.id = origin.id;
    this.serial = serial;
    this.owner = origin.owner;
    this.number = number;
    this.limits = origin.limits;
    this.listed = origin.listed;
    this.seats = new SlotTable(origin.limits.maxUsers);
    this.limiter = new RateLimiter(origin.limits.rate, nowMs);
  }

  /** A new token for the user number; 0xffff, which stands for nobody, is never one. */
  mark(user: number): number {
    const mark = ((this.#marks[user] ?? 0) + 1) % 255;
    this.#marks[user] = mark;
    return mark * 256 + user;
  }

  /** The user with this token, if it is still there. */
  seated(token: number): Seat | undefined {
    const seat = this.seats.get(token & 0xff);
    return seat?.token === token ? seat : undefined;
  }

  /** What a peer is told that is let in under its own `number`. */
  membership(number: number): Membership {
    const { maxChunkBytes, maxPayloadBytes } = this.limits;
    return { room: this.serial, number, maxChunkBytes, maxPayloadBytes };
  }

  refuses(member: Member): boolean {
    return this.blocks.some((block) => block.keys.some((key) => member.keys.includes(key)));
  }
}

export interface RoomOrigin {
  readonly id: string;
  readonly owner: Member;
  readonly limits: RoomLimits;
  readonly listed: boolean;
}

/** A peer that is not let in. */
export interface Block {
  readonly user: number;
  readonly id: string;
  readonly keys: readonly string[];
}

/** Messages and bytes a sender may spend in a second, with one second's worth saved up at most. */
class RateLimiter {
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;

  constructor({ messagesPerSecond, bytesPerSecond }: RateLimits, nowMs: number) {
    this.#messages = new TokenBucket(messagesPerSecond, messagesPerSecond, nowMs);
    this.#bytes = new TokenBucket(bytesPerSecond, bytesPerSecond, nowMs);
  }

  /** Whether one message of `bytes` is still within the limits; counts it if so. */
  take(bytes: number, nowMs: number): boolean {
    if (!this.#messages.has(1, nowMs) || !this.#bytes.has(bytes, nowMs)) return false;
    this.#messages.take(1, nowMs);
    this.#bytes.take(bytes, nowMs);
    return true;
  }
}
