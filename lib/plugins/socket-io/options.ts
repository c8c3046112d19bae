import { longestTimerMs } from '../../base/clock.ts';
import { callback, type Given, integer, type Resolved } from '../../base/options.ts';
import type { PeerHandle } from '../../bus/plugin.ts';

/** Options of `socketIo()` at either side. */
export const nodeTable = {
  /** Most bytes, about, that wait for a peer without room; further messages are dropped. */
  maxWaitingBytes: integer({ default: 67_108_864, unit: 'bytes' }),
};

/** Options of `socketIo()` at a server of the bus. */
export const hubTable = {
  ...nodeTable,
  /**
   * Decides which clients of the bus may be nodes: only `true`, or a promise of it within `allowTimeoutMs`, admits.
   * Default: all except web pages.
   */
  allow: callback<(peer: PeerHandle) => boolean | PromiseLike<boolean>>(),
  /** Time that `allow` has. */
  allowTimeoutMs: integer({ default: 5_000, min: 1, max: longestTimerMs, unit: 'ms' }),
  /** Most namespaces of one client; one more gets `ERR_QUEUE_FULL`. */
  maxNamespaces: integer({ default: 1_000, min: 1 }),
};

export type SocketIoOptions = Given<typeof hubTable>;
export type NodeSettings = Resolved<typeof nodeTable>;
export type HubSettings = Resolved<typeof hubTable>;
