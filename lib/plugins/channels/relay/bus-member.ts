import type { Lane, PeerHandle } from '../../../bus/plugin.ts';
import type { RelayNote } from '../notes.ts';
import type { Reason } from '../reason.ts';
import type { ChannelPeer, Member } from './member.ts';
import type { Parcel } from './parcel.ts';
import { Outflow } from './outflow.ts';
import type { Room, Seat } from './room.ts';
import { SlotTable } from '../../../base/slot-table.ts';

/** About what a note takes. */
const noteBytes = 64;

/** A bus connection in its rooms. */
export class BusMember implements Member {
  readonly peer: ChannelPeer;
  readonly keys: readonly string[];
  readonly owned: SlotTable<Room>;
  readonly entered: SlotTable<Seat>;
  readonly handle: PeerHandle;
  readonly patterns = new Set<string>();
  /** The last of what waits for `authorize`. */
  permits: Promise<void> = Promise.resolve();
  readonly #outflow: Outflow;

  constructor(handle: PeerHandle, lane: Lane, key: string, maxChannels: number) {
    this.handle = handle;
    this.peer = { id: handle.id ?? '', joint: false };
    this.keys = [key];
    this.owned = new SlotTable(maxChannels);
    this.entered = new SlotTable(maxChannels);
    this.#outflow = new Outflow(lane, handle);
  }

  get pendingBytes(): number {
    return this.#outflow.pendingBytes;
  }

  /** The session is over: nothing goes out any more. */
  depart(): void {
    this.#outflow.close();
  }

  get present(): boolean {
    return this.#outflow.open;
  }

  tell(note: RelayNote): void {
    void this.#outflow.send(note, noteBytes);
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

  toOwner(_seat: Seat, parcel: Parcel): Promise<void> | undefined {
    return this.#outflow.send(parcel.frame, parcel.body.length);
  }

  toUser(_seat: Seat, parcel: Parcel): Promise<void> | undefined {
    return this.#outflow.send(parcel.frame, parcel.body.length);
  }
}
