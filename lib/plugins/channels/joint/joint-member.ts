import { SlotTable } from '../../../base/slot-table.ts';
import { type ChannelFrame, payloadKind } from '../channel-frame.ts';
import type { ChannelPeer } from '../lane-messages.ts';
import { Reason } from '../reason.ts';
import type { Member, Room, Seat } from '../relay/room.ts';
import { type GoneByte, goneByte } from './server-writer.ts';
import type { JointWriteQueue } from './write-queue.ts';

export interface JointMemberOptions {
  readonly id: string;
  readonly keys: readonly string[];
  readonly maxChannels: number;
  /** The protocol has no way to tell an owner that its room was ended for it. */
  revoked(): void;
}

/** A peer of the joint protocol in its rooms: what the relay tells it, as units. */
export class JointMember implements Member {
  readonly peer: ChannelPeer;
  readonly keys: readonly string[];
  readonly owned: SlotTable<Room>;
  readonly entered: SlotTable<Seat>;
  readonly #queue: JointWriteQueue;
  readonly #options: JointMemberOptions;

  constructor(queue: JointWriteQueue, options: JointMemberOptions) {
    this.#queue = queue;
    this.#options = options;
    this.peer = { id: options.id, joint: true };
    this.keys = options.keys;
    this.owned = new SlotTable(options.maxChannels);
    this.entered = new SlotTable(options.maxChannels);
  }

  get pendingBytes(): number {
    return this.#queue.pendingBytes;
  }

  userConnect(room: Room, seat: Seat): void {
    this.#queue.write((writer) => writer.userConnect(room.number, seat.user));
  }

  userDisconnect(seat: Seat, reason: Reason): void {
    this.#queue.write((writer) => writer.userDisconnect(seat.room.number, seat.user, wireByte(reason)));
  }

  gone(seat: Seat, reason: Reason): void {
    this.#queue.write((writer) => writer.gone(seat.number, wireByte(reason)));
  }

  closed(): void {
    this.#options.revoked();
  }

  ownerTrouble(): void {
    // The protocol has no word for it.
  }

  userTrouble(): void {
    // The protocol has no word for it.
  }

  toOwner({ room, user, maxChunkBytes }: Seat, { kind, body }: ChannelFrame): Promise<void> | void {
    if (kind === payloadKind.call) return undefined;
    this.#queue.write((writer) => {
      if (kind === payloadKind.chunk) writer.chunkToOwner(room.number, user, body, maxChunkBytes);
      else writer.toOwner(room.number, user, body);
    });
    return this.#queue.room;
  }

  toUser({ room, number }: Seat, { kind, body }: ChannelFrame): Promise<void> | void {
    if (kind === payloadKind.call) return undefined;
    this.#queue.write((writer) => {
      if (kind === payloadKind.chunk) writer.chunkToUser(number, body, room.limits.maxChunkBytes);
      else writer.toUser(number, body);
    });
    return this.#queue.room;
  }
}

/** The wire knows three reasons. */
function wireByte(reason: Reason): GoneByte {
  if (reason === Reason.CLOSE) return goneByte.left;
  return reason === Reason.DISCONNECT ? goneByte.lost : goneByte.kicked;
}
