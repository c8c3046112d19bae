import type { Clock } from '../../../base/clock.ts';
import { permits, refusalError } from '../../../base/permission.ts';
import type { PeerHandle } from '../../../bus/plugin.ts';
import { createTable, type roomCaps } from '../options.ts';
import type { ChannelRequest, RelayOptions, Requester } from '../relay-options.ts';

/** What the operator of the relay allows: who may do what, and how large a room may be made. */
export class AccessPolicy {
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

  /** The same for who can be told about it: rejects with `ERR_UNAVAILABLE` where `authorize` cannot decide now or failed by mistake. */
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

const largestHeader = 536_870_912;

/** What one sender may send in a second. */
export interface RateLimits {
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}

/** What one room may hold and pass on. */
export interface RoomLimits {
  readonly maxUsers: number;
  /** Bytes of one chunk. */
  readonly maxChunkBytes: number;
  /** Bytes of one `send` or `broadcast` in data mode, and of one call. */
  readonly maxPayloadBytes: number;
  /** Bytes that may wait to go out to one user. */
  readonly maxPendingBytes: number;
  readonly rate: RateLimits;
  /** What becomes of a sender who exceeds `rate`, or of the surplus. */
  readonly flood: 'kick' | 'drop';
}

type RoomCaps = Pick<RelayOptions, keyof typeof roomCaps>;
type LimitName = Exclude<keyof RoomCaps, 'flood'> | 'maxChunkSize';

/** What the owner of a room asked for, within what the operator of the relay allows. */
export function roomLimits(asked: Readonly<Record<string, unknown>>, caps: RoomCaps): RoomLimits {
  const most = { ...caps, maxChunkSize: Math.min(caps.maxPayloadBytes, largestHeader) };
  const limit = (name: LimitName): number => {
    const wanted = asked[name];
    const isGiven = typeof wanted === 'number' && Number.isInteger(wanted) && wanted >= 1;
    return Math.min(isGiven ? wanted : createTable[name].default, most[name]);
  };
  const flood = asked['flood'];
  return {
    maxUsers: limit('maxUsers'),
    maxChunkBytes: limit('maxChunkSize'),
    maxPayloadBytes: limit('maxPayloadBytes'),
    maxPendingBytes: limit('maxPendingBytes'),
    rate: { messagesPerSecond: limit('messagesPerSecond'), bytesPerSecond: limit('bytesPerSecond') },
    flood: flood === 'drop' || flood === 'kick' ? flood : caps.flood,
  };
}
