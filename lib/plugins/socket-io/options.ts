import { longestTimerMs } from '../../base/clock.ts';
import { callback, type Given, integer, type Resolved } from '../../base/options.ts';
import type { PeerHandle } from '../../bus/plugin.ts';

/** What `socketIo()` takes at either side. */
export const nodeTable = {
  /** What is kept for another end that has no room, in about so many bytes; what comes then is dropped. */
  maxWaitingBytes: integer({ default: 67_108_864, unit: 'bytes' }),
};

/** What `socketIo()` takes at a server of the bus. */
export const hubTable = {
  ...nodeTable,
  /**
   * Says which clients of the bus may be nodes: only `true` admits, or a promise of it within `allowTimeoutMs`. By default all
   * may except web pages.
   */
  allow: callback<(peer: PeerHandle) => boolean | PromiseLike<boolean>>(),
  /** How long `allow` may take to decide. */
  allowTimeoutMs: integer({ default: 5_000, min: 1, max: longestTimerMs, unit: 'ms' }),
  /** Namespaces of one client at once; more are refused with `ERR_QUEUE_FULL`. */
  maxNamespaces: integer({ default: 1_000, min: 1 }),
};

export type SocketIoOptions = Given<typeof hubTable>;
export type NodeSettings = Resolved<typeof nodeTable>;
export type HubSettings = Resolved<typeof hubTable>;
