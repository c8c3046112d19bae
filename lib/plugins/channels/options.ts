import { custom, flag, type Given, integer, oneOf, optional } from '../../base/options.ts';
import type { StreamMode } from './ends/stream-reader.ts';

/** The default limits of a room, which the operator of the relay can change. */
export const roomCaps = {
  maxUsers: 256,
  maxPayloadBytes: 16_777_216 - 1_024,
  maxPendingBytes: 8_388_608,
  messagesPerSecond: 1_000_000,
  bytesPerSecond: 1_073_741_824,
  flood: 'kick',
} as const;

/** Options of both `create()` and `enter()`, except callbacks. */
export const endRows = {
  /** How the bytes of joint peers are read. Default: by the callback given, the first listener added, or busbar/rpc. */
  mode: custom<StreamMode | undefined>({
    type: "'data' | 'chunk' | 'remote'",
    default: undefined,
    accepts: (value) => value === 'data' || value === 'chunk' || value === 'remote',
  }),
  /** Most bytes kept until there is a listener. */
  maxHeldBytes: integer({
    default: 8_388_608,
    min: 0,
    unit: 'bytes',
  }),
  /** Time that the relay has to answer; 0 means no timeout. */
  timeout: integer({
    default: 10_000,
    min: 0,
    unit: 'ms',
  }),
  /** Cancels the wait. */
  signal: custom<AbortSignal | undefined>({
    type: 'AbortSignal',
    default: undefined,
    accepts: (value) => value instanceof AbortSignal,
  }),
  /** The channel is in this process, without a relay. */
  offline: flag({ default: false }),
};

// As in peote-net.
const lagRow = integer({ default: 20, min: 0, unit: 'ms' });
const speedRow = integer({ default: 1_048_576, min: 1, max: Infinity, unit: 'bytes/s' });

export const createTable = {
  ...endRows,
  /** Offline: the latency of each send; the default for users. */
  netLag: lagRow,
  /** Offline: the speed of the line; the default for users. */
  netSpeed: speedRow,
  /** Most users at a time. */
  maxUsers: integer({ default: 256, min: 1, max: 256 }),
  /** The largest chunk. */
  maxChunkSize: integer({ default: 32_768, min: 1, max: 536_870_912, unit: 'bytes' }),
  /** The largest single send or call. */
  maxPayloadBytes: integer({ default: 1_048_576, min: 1, unit: 'bytes' }),
  /** Most bytes that wait for one user. */
  maxPendingBytes: integer({
    default: 8_388_608,
    min: 65_536,
    unit: 'bytes',
  }),
  /** Most messages per second from one user, or from the owner. */
  messagesPerSecond: integer({ default: 1_000_000, min: 1 }),
  /** Most bytes per second from one user, or from the owner. */
  bytesPerSecond: integer({ default: 1_073_741_824, min: 1, unit: 'bytes' }),
  /** What happens above these limits: the user is removed with MALICIOUS, or the excess is dropped. */
  flood: oneOf({ choices: ['kick', 'drop'], default: 'kick' }),
  /** Whether `list()` shows the channel. */
  listed: flag({ default: true }),
};

export const enterTable = {
  ...endRows,
  /** Offline: the latency of each send. Default: the owner's. */
  netLag: optional(lagRow),
  /** Offline: the speed of the line. Default: the owner's. */
  netSpeed: optional(speedRow),
  /** The largest chunk, with a joint owner: both ends need the same value. Default: that of the channel. */
  maxChunkSize: custom<number | undefined>({
    type: 'integer',
    default: undefined,
    accepts: (value) => typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 536_870_912,
  }),
};

export type CreateOptions = Given<typeof createTable>;
export type EnterOptions = Given<typeof enterTable>;
