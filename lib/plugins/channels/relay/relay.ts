import type { Clock } from '../../../base/clock.ts';
import { type ChannelFrame, payloadKind } from '../channel-frame.ts';
import { isName, type RoomInfo } from '../lane-messages.ts';
import { Reason } from '../reason.ts';
import { type Member, Room, type RoomOrigin, Seat } from './room.ts';

/** Why the relay does not open a channel for somebody. */
export type Denial = 'taken' | 'unknown' | 'own' | 'inside' | 'full' | 'max' | 'blocked';

export const denialReason: Record<Denial, Reason> = {
  taken: Reason.ID,
  unknown: Reason.ID,
  own: Reason.MALICIOUS,
  inside: Reason.ID,
  full: Reason.FULL,
  max: Reason.MAX,
  blocked: Reason.KICK,
};

/** The same for people: `Reason` tells some of them not apart. */
export const denialSentence: Record<Denial, string> = {
  taken: 'The id is in use, or is not a string of 1 to 255 bytes',
  unknown: 'There is no channel with that id',
  own: 'The owner of a channel cannot enter it',
  inside: 'This peer is in the channel already',
  full: 'The channel is full',
  max: 'The peer, or the relay, has its maximum of channels',
  blocked: 'The owner of the channel has blocked this peer',
};

const maxBlocks = 1_000;

/**
 * The rooms, who is in them and what may pass: all the rules of channels, without a byte of any protocol. Everything
 * happens in the turn it is asked for; members are told in the order in which it happened.
 */
export class Relay {
  readonly #clock: Clock;
  readonly #maxRooms: number;
  readonly #rooms = new Map<string, Room>();
  readonly #bySerial = new Map<number, Room>();
  #serial = 0;

  constructor(clock: Clock, maxRooms: number) {
    this.#clock = clock;
    this.#maxRooms = maxRooms;
  }

  get size(): number {
    return this.#rooms.size;
  }

  /** Those in all rooms. */
  countUsers(): number {
    let users = 0;
    for (const { seats } of this.#rooms.values()) users += seats.size;
    return users;
  }

  room(serial: number): Room | undefined {
    return this.#bySerial.get(serial);
  }

  named(id: string): Room | undefined {
    return this.#rooms.get(id);
  }

  listed(): RoomInfo[] {
    const listed = [...this.#rooms.values()].filter((room) => room.listed);
    return listed.map((room) => ({ id: room.id, users: room.seats.size, maxUsers: room.limits.maxUsers }));
  }

  /** A number that no room of this relay had. */
  nextSerial(): number {
    this.#serial += 1;
    return this.#serial;
  }

  create(origin: RoomOrigin): Room | Denial {
    const { id, owner } = origin;
    if (!isName(id) || this.#rooms.has(id)) return 'taken';
    if (owner.owned.full || this.#rooms.size >= this.#maxRooms) return 'max';
    const serial = this.nextSerial();
    const room = owner.owned.take((number) => new Room(origin, serial, number, this.#clock.now()));
    this.#rooms.set(id, room);
    this.#bySerial.set(room.serial, room);
    return room;
  }

  /** Lets `member` in; `entered` learns of it before the owner does. */
  enter(
    member: Member,
    id: string,
    maxChunkBytes: number | undefined,
    entered: (seat: Seat) => void,
  ): Denial | undefined {
    const room = this.#rooms.get(id);
    if (room === undefined) return 'unknown';
    if (room.owner === member) return 'own';
    if (member.entered.values().some((seat) => seat.room === room)) return 'inside';
    if (room.refuses(member)) return 'blocked';
    if (room.seats.full) return 'full';
    if (member.entered.full) return 'max';
    const chunk = maxChunkBytes ?? room.limits.maxChunkBytes;
    const seat = room.seats.take((user) =>
      member.entered.take((number) => new Seat(room, member, user, number, chunk, this.#clock.now())),
    );
    entered(seat);
    if (seat.left === undefined) room.owner.userConnect(room, seat);
    return undefined;
  }

  /** The user goes, on purpose (`CLOSE`) or because its session is over (`DISCONNECT`). */
  leave(seat: Seat, reason: Reason): void {
    if (this.#vacate(seat, reason)) seat.room.owner.userDisconnect(seat, reason);
  }

  /** Puts a user out; both sides hear `reason`. */
  kick(seat: Seat, reason: Reason, text?: string): void {
    if (!this.#vacate(seat, reason)) return;
    seat.member.gone(seat, reason, text);
    seat.room.owner.userDisconnect(seat, reason);
  }

  /** Kicks, and refuses the peer until `unblock`. Of more than a thousand blocks the oldest is lifted. */
  block(seat: Seat, text?: string): void {
    const { room, member } = seat;
    room.blocks.push({ user: seat.user, id: member.peer.id, keys: member.keys });
    if (room.blocks.length > maxBlocks) room.blocks.shift();
    this.kick(seat, Reason.KICK, text);
  }

  /** Lifts the latest block of the user that had this number, or of the peer with this id. */
  unblock(room: Room, who: number | string): void {
    const index = room.blocks.findLastIndex((block) => block.user === who || block.id === who);
    if (index >= 0) room.blocks.splice(index, 1);
  }

  /** Ends a room; the users hear `reason`, the owner nothing. */
  close(room: Room, reason: Reason): void {
    if (room.closed !== undefined) return;
    room.closed = reason;
    this.#rooms.delete(room.id);
    this.#bySerial.delete(room.serial);
    room.owner.owned.release(room.number);
    for (const seat of room.seats.values()) {
      if (this.#vacate(seat, reason)) seat.member.gone(seat, reason, undefined);
    }
  }

  /** Ends a room that its owner did not close: the owner learns of it too. */
  revoke(room: Room, reason: Reason): void {
    if (room.closed !== undefined) return;
    this.close(room, reason);
    room.owner.closed(room, reason);
  }

  /** Forgets a member and everything it had. */
  removeMember(member: Member, reason: Reason): void {
    for (const room of member.owned.values()) this.close(room, reason);
    for (const seat of member.entered.values()) this.leave(seat, reason);
  }

  closeRooms(reason: Reason): void {
    for (const room of [...this.#rooms.values()]) this.revoke(room, reason);
  }

  toOwner(seat: Seat, frame: ChannelFrame): Promise<void> | void {
    const { room } = seat;
    if (seat.left !== undefined) return undefined;
    if (!this.#fits(room, frame)) return this.#malicious(seat);
    if (!seat.limiter.take(frame.body.length, this.#clock.now())) return this.#flood(seat);
    return room.owner.toOwner(seat, frame);
  }

  toUser(room: Room, frame: ChannelFrame): Promise<void> | void {
    const seat = room.seated(frame.user);
    if (seat === undefined || !this.#ownerMay(room, frame)) return undefined;
    if (this.#overflows(seat, frame)) return undefined;
    return seat.member.toUser(seat, frame);
  }

  broadcast(room: Room, frame: ChannelFrame): void {
    const { skipped } = room;
    if (skipped.size > 0) room.skipped = new Set();
    if (!this.#ownerMay(room, frame)) return;
    for (const seat of room.seats.values()) {
      if (seat.token === frame.user || skipped.has(seat.token) || this.#overflows(seat, frame)) continue;
      void seat.member.toUser(seat, frame);
    }
  }

  /** What cannot be read as a frame, or breaks the room's limits; it went nowhere. */
  #malicious(seat: Seat): undefined {
    seat.room.owner.ownerTrouble(seat.room, Reason.MALICIOUS, seat.user);
    if (seat.left === undefined) seat.member.userTrouble(seat, Reason.MALICIOUS);
    return undefined;
  }

  #flood(seat: Seat): undefined {
    if (seat.room.limits.flood === 'drop') return undefined;
    seat.room.owner.ownerTrouble(seat.room, Reason.MALICIOUS, seat.user);
    this.kick(seat, Reason.MALICIOUS, 'flood');
    return undefined;
  }

  /** Whether an owner's frame is within the limits; what exceeds them closes the room, or is dropped. */
  #ownerMay(room: Room, frame: ChannelFrame): boolean {
    if (room.closed !== undefined) return false;
    if (!this.#fits(room, frame)) {
      room.owner.ownerTrouble(room, Reason.MALICIOUS, undefined);
      return false;
    }
    if (room.limiter.take(frame.body.length, this.#clock.now())) return true;
    if (room.limits.flood === 'kick') this.revoke(room, Reason.MALICIOUS);
    return false;
  }

  /** A user for whom too much waits is removed, so that neither the relay's memory nor the others pay for it. */
  #overflows(seat: Seat, frame: ChannelFrame): boolean {
    if (seat.member.pendingBytes + frame.body.length <= seat.room.limits.maxPendingBytes) return false;
    seat.room.owner.ownerTrouble(seat.room, Reason.FULL, seat.user);
    this.kick(seat, Reason.FULL);
    return true;
  }

  #fits(room: Room, frame: ChannelFrame): boolean {
    const { maxChunkBytes, maxPayloadBytes } = room.limits;
    const most = frame.kind === payloadKind.chunk ? maxChunkBytes : maxPayloadBytes;
    return frame.body.length > 0 && frame.body.length <= most;
  }

  #vacate(seat: Seat, reason: Reason): boolean {
    if (seat.left !== undefined) return false;
    seat.left = reason;
    seat.room.seats.release(seat.user);
    seat.member.entered.release(seat.number);
    return true;
  }
}
