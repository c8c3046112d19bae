import type { Lane, PeerHandle } from '../../../bus/plugin.ts';
import type { RelayNote } from '../notes.ts';
import type { Reason } from '../reason.ts';
import type { Carrier, ChannelPeer, Member } from './member.ts';
import { cargo, type Parcel } from './parcel.ts';
import type { Room, Seat } from './room.ts';
import { Slots } from './slots.ts';

/** A bus connection in its rooms. */
export class BusMember implements Member {
  readonly peer: ChannelPeer;
  readonly keys: readonly string[];
  readonly owned: Slots<Room>;
  readonly entered: Slots<Seat>;
  readonly carrier: Carrier;
  readonly handle: PeerHandle;
  readonly patterns = new Set<string>();
  /** The last of what waits for `authorize`. */
  permits: Promise<void> = Promise.resolve();
  readonly #lane: Lane;
  #pendingBytes = 0;
  #present = true;

  constructor(handle: PeerHandle, lane: Lane, carrier: Carrier, key: string, maxChannels: number) {
    this.handle = handle;
    this.peer = { id: handle.id ?? '', joint: false };
    this.keys = [key];
    this.owned = new Slots(maxChannels);
    this.entered = new Slots(maxChannels);
    this.carrier = carrier;
    this.#lane = lane;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The session is over: nothing goes out any more. */
  depart(): void {
    this.#present = false;
  }

  get present(): boolean {
    return this.#present;
  }

  tell(note: RelayNote): void {
    if (this.#present) this.#lane.send(this.handle, note).catch(ignore);
  }

  userConnect(room: Room, seat: Seat): void {
    this.tell(['userConnect', room.serial, seat.user, seat.member.peer]);
  }

  userDisconnect(seat: Seat, reason: Reason): void {
    this.tell(['userDisconnect', seat.room.serial, seat.user, reason]);
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

  toOwner(_seat: Seat, parcel: Parcel): Promise<void> | void {
    return this.#post(parcel);
  }

  toUser(_seat: Seat, parcel: Parcel): Promise<void> | void {
    return this.#post(parcel);
  }

  /** Counts bytes that were handed to the session until it took them. */
  track(bytes: number, sent: Promise<void>): Promise<void> {
    this.#pendingBytes += bytes;
    const settled = (): void => {
      this.#pendingBytes -= bytes;
    };
    return sent.then(settled, settled);
  }

  #post(parcel: Parcel): Promise<void> | void {
    if (!this.#present || (parcel.kind === cargo.call && parcel.body.length === 0)) return undefined;
    return this.track(parcel.body.length, this.#lane.send(this.handle, parcel.frame));
  }
}

function ignore(): void {
  // The session is over, which the plugin hears of in its own way.
}
