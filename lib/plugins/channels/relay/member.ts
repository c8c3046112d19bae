import type { Reason } from '../reason.ts';
import type { Parcel } from './parcel.ts';
import type { Room, Seat } from './room.ts';
import type { SlotTable } from '../../../base/slot-table.ts';

/** What the other side of a channel is told about a peer. */
export interface ChannelPeer {
  /** The public id of a bus peer; for a joint peer one that the relay made up. */
  readonly id: string;
  /** A peer of the joint protocol: its bytes do not say whether they are chunks. */
  readonly joint: boolean;
}

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
  /** The member is no user any more, and it was not its own wish. */
  gone(seat: Seat, reason: Reason, text: string | undefined): void;
  /** The relay closed the member's room. */
  closed(room: Room, reason: Reason): void;
  /** Something is wrong with a user of the member's room, or with the room (`user` undefined). */
  ownerTrouble(room: Room, reason: Reason, user: number | undefined): void;
  /** Something is wrong with what the member sent as a user. */
  userTrouble(seat: Seat, reason: Reason): void;
  /** Resolves, if it is a promise, when the member takes more. */
  toOwner(seat: Seat, parcel: Parcel): Promise<void> | void;
  toUser(seat: Seat, parcel: Parcel): Promise<void> | void;
}
