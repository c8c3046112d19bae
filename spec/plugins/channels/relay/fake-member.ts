import type { Member } from '../../../../lib/plugins/channels/relay/room.ts';
import type { ChannelFrame } from '../../../../lib/plugins/channels/channel-frame.ts';
import type { Reason } from '../../../../lib/plugins/channels/reason.ts';
import type { Room, Seat } from '../../../../lib/plugins/channels/relay/room.ts';
import { SlotTable } from '../../../../lib/base/slot-table.ts';

/** A member that writes down what it is told. */
export class FakeMember implements Member {
  readonly peer;
  readonly keys;
  readonly owned: SlotTable<Room>;
  readonly entered: SlotTable<Seat>;
  readonly heard: string[] = [];
  readonly frames: ChannelFrame[] = [];
  pendingBytes = 0;

  constructor(id: string, maxChannels = 128) {
    this.peer = { id, joint: false };
    this.keys = [id];
    this.owned = new SlotTable(maxChannels);
    this.entered = new SlotTable(maxChannels);
  }

  /** What was heard since the last call. */
  take(): string[] {
    return this.heard.splice(0);
  }

  userConnect(room: Room, seat: Seat): void {
    this.heard.push(`${room.id} user ${seat.user} ${seat.member.peer.id}`);
  }

  userDisconnect(seat: Seat, reason: Reason): void {
    this.heard.push(`${seat.room.id} user ${seat.user} gone ${reason}`);
  }

  gone(seat: Seat, reason: Reason, text: string | undefined): void {
    this.heard.push(`${seat.room.id} gone ${reason} ${text ?? ''}`.trim());
  }

  closed(room: Room, reason: Reason): void {
    this.heard.push(`${room.id} closed ${reason}`);
  }

  ownerTrouble(room: Room, reason: Reason, user: number | undefined): void {
    this.heard.push(`${room.id} trouble ${reason} ${user ?? ''}`.trim());
  }

  userTrouble(seat: Seat, reason: Reason): void {
    this.heard.push(`${seat.room.id} my trouble ${reason}`);
  }

  toOwner(seat: Seat, frame: ChannelFrame): void {
    this.heard.push(`${seat.room.id} ${seat.user}: ${Buffer.from(frame.body).toString()}`);
  }

  toUser(seat: Seat, frame: ChannelFrame): void {
    this.frames.push(frame);
    this.heard.push(`${seat.room.id}: ${Buffer.from(frame.body).toString()}`);
  }
}
