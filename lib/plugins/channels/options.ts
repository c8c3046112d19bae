import { longestTimerMs } from '../../base/clock.ts';
import { callback, custom, flag, integer, oneOf, optional, type Given, type Resolved } from '../../base/options.ts';
import { listedOriginsOption } from '../../transport/origin-options.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import type { StreamMode } from './ends/stream-reader.ts';
import { usualLag } from './offline/lag-line.ts';

/** Somebody wants something of the relay. */
export interface ChannelRequest {
  readonly action: 'create' | 'enter' | 'publish' | 'subscribe';
  /** The channel's id, the topic or the pattern. */
  readonly id: string;
  readonly peer: Requester;
}

export interface Requester {
  readonly id: string;
  readonly joint: boolean;
  readonly remoteAddress: string | undefined;
  /** The bus connection; undefined for joint peers. */
  readonly connection: PeerHandle | undefined;
}

export type Authorize = (request: ChannelRequest) => boolean | PromiseLike<boolean>;

const largestPayload = 16_777_216 - 1_024;

/** What `channels()` takes. Relay options mean nothing on a client, and are refused there. */
export const relayTable = {
  /** Channels at once. */
  maxRooms: integer({ default: 10_000, min: 1 }),
  /** Channels one peer may own, and as many it may enter. */
  maxChannels: integer({ default: 128, min: 1, max: 128 }),
  /** Users in one channel, at the most. */
  maxUsers: integer({ default: 256, min: 1, max: 256 }),
  /** The largest payload or chunk an owner may choose for its channel. */
  maxPayloadBytes: integer({
    default: largestPayload,
    min: 1,
    max: 1_073_741_824,
    unit: 'bytes',
  }),
  /** What may wait to go out to one user; beyond it the user is put out with FULL. */
  maxPendingBytes: integer({
    default: 8_388_608,
    min: 65_536,
    unit: 'bytes',
  }),
  /** Messages from one user in one channel, or from an owner. */
  messagesPerSecond: integer({
    default: 1_000_000,
    min: 1,
  }),
  /** Likewise, bytes. */
  bytesPerSecond: integer({ default: 1_073_741_824, min: 1, unit: 'bytes' }),
  /** What follows more: the user is put out (an owner loses its channel) with MALICIOUS, or the surplus is dropped. */
  flood: oneOf({
    choices: ['kick', 'drop'],
    default: 'kick',
  }),
  /** Topic patterns one peer may subscribe to. */
  maxSubscriptions: integer({ default: 1_000, min: 0 }),
  /**
   * Asked before a channel is created or entered, a topic published or subscribed; only true permits it.
   */
  authorize: callback<Authorize>({
    type: '({ action, id, peer }) => boolean | Promise',
  }),
  /** Time `authorize` has; then it is a no. */
  authorizeTimeoutMs: integer({ default: 5_000, min: 1, max: longestTimerMs, unit: 'ms' }),
  /**
   * By what a block knows a peer again. Default: its bus id; the address of a joint peer, on loopback its connection.
   */
  identify: callback<(peer: Requester) => string>({
    type: '(peer) => string',
  }),
  /** Opens the joint protocol for peote-net peers; see the joint options. */
  joint: custom<JointOptions | undefined>({
    type: 'object',
    default: undefined,
    accepts: (value) => typeof value === 'object' && value !== null,
  }),
};

export const jointTable = {
  /** The TCP port; raw and WebSocket peers share it. 0 picks a free one. */
  port: integer({
    default: 7_680,
    max: 65_535,
  }),
  /** The address to listen on. */
  host: custom<string>({
    type: 'string',
    default: '127.0.0.1',
    accepts: (value) => typeof value === 'string' && value !== '',
  }),
  /** Web pages whose scripts may connect over WebSocket, by origin; none unless listed. Programs send no origin. */
  origins: listedOriginsOption(),
  /** Connections from one address; one more is closed without a byte. */
  maxPerAddress: integer({
    default: 23,
    min: 1,
  }),
  /** Connections in all. */
  maxConnections: integer({ default: 4_096, min: 1 }),
  /** A connection that sent nothing by then is dropped. */
  firstByteTimeoutMs: integer({
    default: 5_000,
    min: 1,
    unit: 'ms',
  }),
  /** A keep-alive follows the last thing sent by so much. */
  keepAliveMs: integer({
    default: 5_000,
    min: 1,
    unit: 'ms',
  }),
  /** What may wait to go out on one connection; beyond it the connection is dropped. */
  maxPendingBytes: integer({
    default: 8_388_608,
    min: 65_536,
    unit: 'bytes',
  }),
};

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
  /** How long the relay may take to answer; 0 waits for ever. */
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

const lagRow = integer({ default: usualLag.netLag, min: 0, unit: 'ms' });
const speedRow = integer({ default: usualLag.netSpeed, min: 1, max: Infinity, unit: 'bytes/s' });

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

export type RelayOptions = Resolved<typeof relayTable>;
export type ChannelsOptions = Given<typeof relayTable>;
export type JointOptions = Given<typeof jointTable>;
export type CreateOptions = Given<typeof createTable>;
export type EnterOptions = Given<typeof enterTable>;
