import type { Clock } from '../../../base/clock.ts';
import type { OwnerEnd } from '../ends/owner-end.ts';
import type { UserEnd } from '../ends/user-end.ts';
import { ChannelError } from '../reason.ts';
import type { RelayOptions } from '../options.ts';
import { refusalReason, refusalSentence } from '../relay/relay.ts';
import type { Room, Seat } from '../relay/room.ts';
import { roomLimits } from '../relay/room-limits.ts';
import { SlotTable } from '../../../base/slot-table.ts';
import { type Lag, LagLine, usualLag } from './lag-line.ts';
import { OfflineLine } from './offline-line.ts';
import { OfflineMember } from './offline-member.ts';
import type { OfflineNetwork } from './offline-network.ts';

type Given = { readonly [Name in keyof Lag]: Lag[Name] | undefined };

/** The offline channels of one client. */
export class OfflineRooms {
  readonly #network: OfflineNetwork;
  readonly #clock: Clock;
  readonly #options: RelayOptions;
  readonly #party;
  readonly #ends = new Set<OwnerEnd | UserEnd>();

  constructor(network: OfflineNetwork, clock: Clock, options: RelayOptions, id: string) {
    this.#network = network;
    this.#clock = clock;
    this.#options = options;
    this.#party = { peer: { id, joint: false }, owned: new SlotTable<Room>(128), entered: new SlotTable<Seat>(128) };
  }

  /** Opens the channel after the lag; rejects `ERR_CHANNEL`. */
  create(end: OwnerEnd, asked: Readonly<Record<string, unknown>>, lag: Lag): Promise<void> {
    const { relay } = this.#network;
    const line = new LagLine({ clock: this.#clock, ...lag });
    const member = new OfflineMember(this.#party, { owner: end });
    return this.#after(lag, () => {
      const limits = roomLimits(asked, this.#options);
      const room = relay.create({ id: end.id, owner: member, limits, listed: asked['listed'] !== false });
      if (typeof room === 'string') return new ChannelError(refusalReason[room], refusalSentence[room]);
      this.#network.lags.set(room, lag);
      this.#ends.add(end);
      end.admit(room.admission(room.number), new OfflineLine(relay, line, room));
      return undefined;
    });
  }

  /** Enters after the lag; the owner hears of it first. Rejects `ERR_CHANNEL`. */
  enter(end: UserEnd, maxChunkBytes: number | undefined, given: Given): Promise<void> {
    const { relay } = this.#network;
    const member = new OfflineMember(this.#party, { user: end });
    return this.#after(this.#lagOf(end.id, given), () => {
      const line = new LagLine({ clock: this.#clock, ...this.#lagOf(end.id, given) });
      const refusal = relay.enter(member, end.id, maxChunkBytes, (seat) => {
        this.#ends.add(end);
        const way = new OfflineLine(relay, line, seat);
        end.entered(seat.room.admission(seat.number), way, seat.token, seat.room.owner.peer);
      });
      return refusal === undefined ? undefined : new ChannelError(refusalReason[refusal], refusalSentence[refusal]);
    });
  }

  closeAll(): void {
    for (const end of this.#ends) {
      if ('leave' in end) end.leave();
      else end.close();
    }
    this.#ends.clear();
  }

  /** The owner's, as far as nothing else was given. */
  #lagOf(id: string, { netLag, netSpeed }: Given): Lag {
    const room = this.#network.relay.named(id);
    const own = (room && this.#network.lags.get(room)) ?? usualLag;
    return { netLag: netLag ?? own.netLag, netSpeed: netSpeed ?? own.netSpeed };
  }

  #after(lag: Lag, open: () => ChannelError | undefined): Promise<void> {
    for (const end of this.#ends) if (end.closed !== undefined) this.#ends.delete(end);
    return new Promise((resolve, reject) => {
      const task = (): void => {
        const refusal = open();
        if (refusal === undefined) resolve();
        else reject(refusal);
      };
      this.#clock.setTimer(task, lag.netLag);
    });
  }
}
