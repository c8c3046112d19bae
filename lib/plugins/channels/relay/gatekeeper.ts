import type { Clock } from '../../../base/clock.ts';
import { permits, refusalError } from '../../../base/permission.ts';
import type { PeerHandle } from '../../../bus/plugin.ts';
import type { ChannelRequest, RelayOptions, Requester } from '../options.ts';
import { type RoomLimits, roomLimits } from './room-limits.ts';

/** What the operator of the relay allows: who may do what, and how large a room may be made. */
export class Gatekeeper {
  readonly #options: RelayOptions;
  readonly #clock: Clock;
  readonly #report: (error: unknown, peer?: PeerHandle) => void;

  constructor(options: RelayOptions, clock: Clock, report: (error: unknown, peer?: PeerHandle) => void) {
    this.#options = options;
    this.#clock = clock;
    this.#report = report;
  }

  /** Nobody is asked: everything is admitted, in the same turn. */
  get open(): boolean {
    return this.#options.authorize === undefined;
  }

  /** Asks `authorize`; a throw or a rejection is a no that is also reported, but for `ERR_UNAVAILABLE`. */
  async admits(action: ChannelRequest['action'], id: string, peer: Requester): Promise<boolean> {
    return this.decides(action, id, peer).catch(() => false);
  }

  /** The same for who can be told of it: rejects `ERR_UNAVAILABLE` where `authorize` cannot decide now or failed by mistake. */
  async decides(action: ChannelRequest['action'], id: string, peer: Requester): Promise<boolean> {
    const { authorize, authorizeTimeoutMs } = this.#options;
    if (authorize === undefined) return true;
    try {
      return await permits(() => authorize({ action, id, peer }), this.#clock, authorizeTimeoutMs);
    } catch (error) {
      const told = refusalError(error, (bug) => this.#report(bug, peer.connection));
      if (told.code === 'ERR_UNAVAILABLE') throw told;
      this.#report(error, peer.connection);
      return false;
    }
  }

  /** By what a block knows this peer again, if the operator says so. */
  key(peer: Requester): string | undefined {
    try {
      return this.#options.identify?.(peer);
    } catch (error) {
      this.#report(error, peer.connection);
      return undefined;
    }
  }

  limits(asked: Readonly<Record<string, unknown>>): RoomLimits {
    return roomLimits(asked, this.#options);
  }
}
