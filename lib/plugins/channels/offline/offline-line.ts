import { asBusError } from '../../../base/errors.ts';
import { copyOf } from '../../../base/bytes.ts';
import { failed } from '../ends/channel-end.ts';
import type { Line } from '../ends/line.ts';
import { chunkHeader } from '../joint/chunk-header.ts';
import { Reason } from '../reason.ts';
import { cargo, Parcel } from '../relay/parcel.ts';
import type { Relay } from '../relay/relay.ts';
import type { Room, Seat } from '../relay/room.ts';
import type { LagLine } from './lag-line.ts';

/** The way of an offline end to the relay of its process, at the pace of a `LagLine`. */
export class OfflineLine implements Line {
  readonly #relay: Relay;
  readonly #lag: LagLine;
  readonly #room: Room;
  readonly #seat: Seat | undefined;

  constructor(relay: Relay, lag: LagLine, place: Room | Seat) {
    this.#relay = relay;
    this.#lag = lag;
    this.#room = 'room' in place ? place.room : place;
    this.#seat = 'room' in place ? place : undefined;
  }

  send({ kind, room, user, toAll, body }: Parcel): Promise<void> {
    const parcel = new Parcel(kind, room, user, toAll, copyOf(body));
    const header = kind === cargo.chunk ? [chunkHeader(body.length, this.#room.limits.maxChunkBytes).length] : [];
    try {
      this.#lag.send([...header, body.length], () => this.#arrive(parcel));
    } catch (error) {
      return failed(asBusError(error, 'ERR_QUEUE_FULL'));
    }
    return Promise.resolve();
  }

  leave(): void {
    const seat = this.#seat;
    this.#lag.after(() => {
      if (seat === undefined) this.#relay.close(this.#room, Reason.CLOSE);
      else this.#relay.leave(seat, Reason.CLOSE);
    });
  }

  kick(user: number, text: string | undefined): void {
    this.#withSeat(user, (seat) => this.#relay.kick(seat, Reason.KICK, text));
  }

  block(user: number, text: string | undefined): void {
    this.#withSeat(user, (seat) => this.#relay.block(seat, text));
  }

  unblock(who: number | string): void {
    this.#lag.after(() => this.#relay.unblock(this.#room, who));
  }

  #arrive(parcel: Parcel): void {
    if (this.#seat !== undefined) void this.#relay.toOwner(this.#seat, parcel);
    else if (parcel.toAll) this.#relay.broadcast(this.#room, parcel);
    else void this.#relay.toUser(this.#room, parcel);
  }

  #withSeat(user: number, act: (seat: Seat) => void): void {
    this.#lag.after(() => {
      const seat = this.#room.seated(user);
      if (seat !== undefined) act(seat);
    });
  }
}
