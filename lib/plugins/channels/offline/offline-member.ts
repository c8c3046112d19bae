import type { OwnerEnd } from '../ends/owner-end.ts';
import type { UserEnd } from '../ends/user-end.ts';
import type { Reason } from '../reason.ts';
import type { ChannelPeer, Member } from '../relay/member.ts';
import type { Parcel } from '../relay/parcel.ts';
import type { Room, Seat } from '../relay/room.ts';
import type { SlotTable } from '../../../base/slot-table.ts';

interface Party {
  readonly peer: ChannelPeer;
  readonly owned: SlotTable<Room>;
  readonly entered: SlotTable<Seat>;
}

/** One end of an offline channel, as the relay of its process sees it. The sender has paid the lag already. */
export class OfflineMember implements Member {
  readonly peer: ChannelPeer;
  readonly keys: readonly string[];
  readonly owned: SlotTable<Room>;
  readonly entered: SlotTable<Seat>;
  readonly pendingBytes = 0;
  readonly #owner: OwnerEnd | undefined;
  readonly #user: UserEnd | undefined;

  constructor(party: Party, end: { readonly owner: OwnerEnd } | { readonly user: UserEnd }) {
    this.peer = party.peer;
    this.keys = [party.peer.id];
    this.owned = party.owned;
    this.entered = party.entered;
    this.#owner = 'owner' in end ? end.owner : undefined;
    this.#user = 'user' in end ? end.user : undefined;
  }

  userConnect(_room: Room, seat: Seat): void {
    this.#owner?.userConnected(seat.token, seat.member.peer);
  }

  userDisconnect(seat: Seat, reason: Reason): void {
    this.#owner?.userDisconnected(seat.token, reason);
  }

  gone(_seat: Seat, reason: Reason, text: string | undefined): void {
    this.#user?.dismissed(reason, text);
  }

  closed(_room: Room, reason: Reason): void {
    this.#owner?.revoked(reason);
  }

  ownerTrouble(_room: Room, reason: Reason, user: number | undefined): void {
    this.#owner?.troubled(reason, user);
  }

  userTrouble(_seat: Seat, reason: Reason): void {
    this.#user?.troubled(reason);
  }

  toOwner(_seat: Seat, parcel: Parcel): void {
    this.#owner?.deliver(parcel);
  }

  toUser(_seat: Seat, parcel: Parcel): void {
    this.#user?.deliver(parcel);
  }
}
