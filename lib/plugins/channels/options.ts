import { custom, flag, type Given, integer, oneOf, optional } from '../../base/options.ts';
import type { StreamMode } from './ends/stream-reader.ts';

/** The most that a room may hold and pass on, unless the operator of the relay says otherwise. */
export const roomCaps = {
  maxUsers: 256,
  maxPayloadBytes: 16_777_216 - 1_024,
  maxPendingBytes: 8_388_608,
  messagesPerSecond: 1_000_000,
  bytesPerSecond: 1_073_741_824,
  flood: 'kick',
} as const;

/** What `create()` and `enter()` both take, callbacks apart. */
export const endRows = {
  /** How the bytes of joint peers are read. Default: by the callback given, the first listener added, or busbar/rpc. */
  mode: custom<StreamMode | undefined>({
    type: "'data' | 'chunk' | 'remote'",
    default: undefined,
    accepts: (value) => value === 'data' || value === 'chunk' || value === 'remote',
  }),
  /** What is kept for listeners that are not there yet. */
  maxHeldBytes: integer({
    default: 8_388_608,
    min: 0,
    unit: 'bytes',
  }),
  /** How long the relay may take to answer; 0 means no timeout. */
  timeout: integer({
    default: 10_000,
    min: 0,
    unit: 'ms',
  }),
  /** Gives the wait up. */
  signal: custom<AbortSignal | undefined>({
    type: 'AbortSignal',
    default: undefined,
    accepts: (value) => value instanceof AbortSignal,
  }),
  /** The channel lives in this process, with no relay. */
  offline: flag({ default: false }),
};

// As in peote-net.
const lagRow = integer({ default: 20, min: 0, unit: 'ms' });
const speedRow = integer({ default: 1_048_576, min: 1, max: Infinity, unit: 'bytes/s' });

export const createTable = {
  ...endRows,
  /** Offline: what each send takes besides its bytes; also for users who say nothing else. */
  netLag: lagRow,
  /** Offline: how fast bytes go; likewise. */
  netSpeed: speedRow,
  /** Users at once. */
  maxUsers: integer({ default: 256, min: 1, max: 256 }),
  /** The largest chunk. */
  maxChunkSize: integer({ default: 32_768, min: 1, max: 536_870_912, unit: 'bytes' }),
  /** The largest single send or call. */
  maxPayloadBytes: integer({ default: 1_048_576, min: 1, unit: 'bytes' }),
  /** What may wait to go out to one user. */
  maxPendingBytes: integer({
    default: 8_388_608,
    min: 65_536,
    unit: 'bytes',
  }),
  /** Messages from one user, or from the owner. */
  messagesPerSecond: integer({ default: 1_000_000, min: 1 }),
  /** Likewise, bytes. */
  bytesPerSecond: integer({ default: 1_073_741_824, min: 1, unit: 'bytes' }),
  /** What follows more; `kick` is MALICIOUS. */
  flood: oneOf({ choices: ['kick', 'drop'], default: 'kick' }),
  /** Whether `list()` shows the channel. */
  listed: flag({ default: true }),
};

export const enterTable = {
  ...endRows,
  /** Offline: what each send takes besides its bytes. Default: what the owner said. */
  netLag: optional(lagRow),
  /** Offline: how fast bytes go. Default: likewise. */
  netSpeed: optional(speedRow),
  /** The largest chunk, with a joint owner: both ends must mean the same. Default: the one of the channel. */
  maxChunkSize: custom<number | undefined>({
    type: 'integer',
    default: undefined,
    accepts: (value) => typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 536_870_912,
  }),
};

export type CreateOptions = Given<typeof createTable>;
export type EnterOptions = Given<typeof enterTable>;
