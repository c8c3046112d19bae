import type { Admission } from '../ends/line.ts';
import type { Reason } from '../reason.ts';
import { FloodGate } from './flood-gate.ts';
import type { Member } from './member.ts';
import type { RoomLimits } from './room-limits.ts';
import { SlotTable } from '../../../base/slot-table.ts';

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
  readonly gate: FloodGate;
  /** The header class of chunks that go to an owner who speaks the joint protocol. */
  readonly maxChunkBytes: number;
  /** Set when the place is given up; what is under way to or from it then goes nowhere. */
  left: Reason | undefined;
  /** Bytes accepted at the other side that the sender, user or owner, was not told of yet. */
  creditForUser = 0;
  creditForOwner = 0;

  constructor(room: Room, member: Member, user: number, number: number, maxChunkBytes: number, nowMs: number) {
    this.room = room;
    this.member = member;
    this.user = user;
    this.token = room.mark(user);
    this.number = number;
    this.maxChunkBytes = maxChunkBytes;
    this.gate = new FloodGate(room.limits.flood, nowMs);
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
  readonly gate: FloodGate;
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
    this.gate = new FloodGate(origin.limits.flood, nowMs);
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
  admission(number: number): Admission {
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
