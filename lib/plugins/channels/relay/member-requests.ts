import { CreditReturn } from '../../../base/flow-control.ts';
import { ChannelFrame, messageCost, payloadKind, windowBytes } from '../channel-frame.ts';
import type { RoomMessage } from '../lane-messages.ts';
import { enterTable } from '../options.ts';
import { Reason } from '../reason.ts';
import type { MessageMember } from './bus-member.ts';
import type { Denial, Relay } from './relay.ts';
import type { RoomLimits } from './access-policy.ts';
import type { Room, Seat } from './room.ts';

/** Accepted bytes that were not reported to their sender yet. */
const portionBytes = windowBytes / 4;

/** What a member may ask of the relay, in the form of the channels lane: it may do what its rooms and seats allow. */
export class MemberRequests {
  readonly #relay: Relay;
  readonly #limits: (asked: Readonly<Record<string, unknown>>) => RoomLimits;

  /** `limits` returns the limits of a requested room. */
  constructor(relay: Relay, limits: (asked: Readonly<Record<string, unknown>>) => RoomLimits) {
    this.#relay = relay;
    this.#limits = limits;
  }

  /** Opens a room and tells its owner. */
  create(member: MessageMember, handle: number, id: string, given: unknown): Denial | undefined {
    const asked = isRecord(given) ? given : {};
    const limits = this.#limits(asked);
    const room = this.#relay.create({ id, owner: member, limits, listed: asked['listed'] !== false });
    if (typeof room === 'string') return room;
    member.tell(['created', handle, room.membership(room.number)]);
    return undefined;
  }

  /** Lets the member in and tells it, before the owner learns of it. */
  enter(member: MessageMember, handle: number, id: string, maxChunkBytes: unknown): Denial | undefined {
    const chunk = enterTable.maxChunkSize.accepts(maxChunkBytes) ? Number(maxChunkBytes) : undefined;
    return this.#relay.enter(member, id, chunk, ({ room, number, token }) => {
      member.tell(['entered', handle, room.membership(number), token, room.owner.peer]);
    });
  }

  /** What is addressed to a room that is gone, or comes from somebody who is not in it, goes nowhere. */
  frame(member: MessageMember, bytes: Uint8Array): void {
    const frame = ChannelFrame.read(bytes);
    const room = frame === undefined ? undefined : this.#relay.room(frame.room);
    if (frame === undefined || room === undefined || frame.kind === payloadKind.stream) return;
    if (room.owner === member && frame.toAll) {
      this.#relay.broadcast(room, frame);
      return;
    }
    const seat = room.seated(frame.user);
    if (seat === undefined || frame.toAll) return;
    if (room.owner === member) this.#whenTaken(this.#relay.toUser(room, frame), member, seat, frame);
    else if (seat.member === member) this.#whenTaken(this.#relay.toOwner(seat, frame), member, seat, frame);
  }

  message(member: MessageMember, message: RoomMessage): void {
    const room = this.#relay.room(message[1]);
    if (room === undefined) return;
    if (room.owner === member) this.#ofOwner(room, message);
    else if (message[0] === 'leave') {
      const seat = member.entered.values().find((taken) => taken.room === room);
      if (seat !== undefined) this.#relay.leave(seat, Reason.CLOSE);
    }
  }

  #ofOwner(room: Room, message: RoomMessage): void {
    switch (message[0]) {
      case 'leave':
        this.#relay.close(room, Reason.CLOSE);
        return;
      case 'unblock':
        this.#relay.unblock(room, message[2]);
        return;
      case 'skip':
        room.skipped = new Set(message[2]);
        return;
      case 'kick':
      case 'block': {
        const [kind, , token, text] = message;
        const seat = room.seated(token);
        if (seat === undefined) return;
        const shortened = typeof text === 'string' ? text.slice(0, 1_000) : undefined;
        if (kind === 'kick') this.#relay.kick(seat, Reason.KICK, shortened);
        else this.#relay.block(seat, shortened);
      }
    }
  }

  #whenTaken(taken: Promise<void> | void, sender: MessageMember, seat: Seat, { body }: ChannelFrame): void {
    if (taken === undefined) this.#credit(sender, seat, body.length);
    else void taken.then(() => this.#credit(sender, seat, body.length));
  }

  /** Tells a sender, a quarter of its window at a time, what the peer accepted. */
  #credit(sender: MessageMember, seat: Seat, length: number): void {
    const owed =
      sender === seat.member
        ? (seat.creditForUser ??= new CreditReturn(portionBytes))
        : (seat.creditForOwner ??= new CreditReturn(portionBytes));
    const bytes = owed.add(length + messageCost);
    if (bytes > 0) sender.tell(['credit', seat.room.serial, seat.token, bytes]);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
