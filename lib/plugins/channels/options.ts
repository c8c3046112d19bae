import { callback, custom, flag, integer, oneOf, type Given, type Resolved } from '../../base/options.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import type { StreamMode } from './ends/stream-reader.ts';

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

export type Authorize = (request: ChannelRequest) => unknown;

const largestPayload = 16_777_216 - 1_024;

/** What `channels()` takes. Relay options mean nothing on a client, and are refused there. */
export const relayTable = {
  maxRooms: integer({ default: 10_000, min: 1, doc: 'Channels at once.' }),
  maxChannels: integer({ default: 128, min: 1, max: 128, doc: 'Channels one peer may own, and as many it may enter.' }),
  maxUsers: integer({ default: 256, min: 1, max: 256, doc: 'Users in one channel, at the most.' }),
  maxPayloadBytes: integer({
    default: largestPayload,
    min: 1,
    max: 1_073_741_824,
    unit: 'bytes',
    doc: 'The largest payload or chunk an owner may choose for its channel.',
  }),
  maxPendingBytes: integer({
    default: 8_388_608,
    min: 65_536,
    unit: 'bytes',
    doc: 'What may wait to go out to one user; beyond it the user is put out with FULL.',
  }),
  messagesPerSecond: integer({
    default: 1_000_000,
    min: 1,
    doc: 'Messages from one user in one channel, or from an owner.',
  }),
  bytesPerSecond: integer({ default: 1_073_741_824, min: 1, unit: 'bytes', doc: 'Likewise, bytes.' }),
  flood: oneOf({
    choices: ['kick', 'drop'],
    default: 'kick',
    doc: 'What follows more: the user is put out (an owner loses its channel) with MALICIOUS, or the surplus is dropped.',
  }),
  maxSubscriptions: integer({ default: 1_000, min: 0, doc: 'Topic patterns one peer may subscribe to.' }),
  authorize: callback<Authorize>({
    doc: 'Asked before a channel is created or entered, a topic published or subscribed; false, a throw or a rejection refuses.',
    type: '({ action, id, peer }) => unknown',
  }),
  identify: callback<(peer: Requester) => string>({
    doc: 'By what a block knows a peer again. Default: its bus id; the address of a joint peer, on loopback its connection.',
    type: '(peer) => string',
  }),
  joint: custom<JointOptions | undefined>({
    type: 'object',
    default: undefined,
    doc: 'Opens the joint protocol for peote-net peers; see the joint options.',
    accepts: (value) => typeof value === 'object' && value !== null,
  }),
};

export const jointTable = {
  port: integer({
    default: 7_680,
    max: 65_535,
    doc: 'The TCP port; raw and WebSocket peers share it. 0 picks a free one.',
  }),
  host: custom<string>({
    type: 'string',
    default: '127.0.0.1',
    doc: 'The address to listen on.',
    accepts: (value) => typeof value === 'string' && value !== '',
  }),
  maxPerAddress: integer({
    default: 23,
    min: 1,
    doc: 'Connections from one address; one more is closed without a byte.',
  }),
  maxConnections: integer({ default: 4_096, min: 1, doc: 'Connections in all.' }),
  firstByteTimeoutMs: integer({
    default: 5_000,
    min: 1,
    unit: 'ms',
    doc: 'A connection that sent nothing by then is dropped.',
  }),
  keepAliveMs: integer({
    default: 5_000,
    min: 1,
    unit: 'ms',
    doc: 'A keep-alive follows the last thing sent by so much.',
  }),
  maxPendingBytes: integer({
    default: 8_388_608,
    min: 65_536,
    unit: 'bytes',
    doc: 'What may wait to go out on one connection; beyond it the connection is dropped.',
  }),
};

/** What `create()` and `enter()` both take, callbacks apart. */
const endRows = {
  mode: custom<StreamMode | undefined>({
    type: "'data' | 'chunk' | 'remote'",
    default: undefined,
    doc: 'How the bytes of joint peers are read. Default: by the callback given, the first listener added, or busbar/rpc.',
    accepts: (value) => value === 'data' || value === 'chunk' || value === 'remote',
  }),
  maxHeldBytes: integer({
    default: 8_388_608,
    min: 0,
    unit: 'bytes',
    doc: 'What is kept for listeners that are not there yet.',
  }),
  timeout: integer({
    default: 10_000,
    min: 0,
    unit: 'ms',
    doc: 'How long the relay may take to answer; 0 waits for ever.',
  }),
  signal: custom<AbortSignal | undefined>({
    type: 'AbortSignal',
    default: undefined,
    doc: 'Gives the wait up.',
    accepts: (value) => value instanceof AbortSignal,
  }),
  offline: flag({ default: false, doc: 'The channel lives in this process, with no relay.' }),
  netLag: integer({ default: 20, min: 0, unit: 'ms', doc: 'Offline: what each send takes besides its bytes.' }),
  netSpeed: integer({ default: 1_048_576, min: 1, max: Infinity, unit: 'bytes/s', doc: 'Offline: how fast bytes go.' }),
};

export const createTable = {
  ...endRows,
  maxUsers: integer({ default: 256, min: 1, max: 256, doc: 'Users at once.' }),
  maxChunkSize: integer({ default: 32_768, min: 1, max: 536_870_912, unit: 'bytes', doc: 'The largest chunk.' }),
  maxPayloadBytes: integer({ default: 1_048_576, min: 1, unit: 'bytes', doc: 'The largest single send or call.' }),
  maxPendingBytes: integer({
    default: 8_388_608,
    min: 65_536,
    unit: 'bytes',
    doc: 'What may wait to go out to one user.',
  }),
  messagesPerSecond: integer({ default: 1_000_000, min: 1, doc: 'Messages from one user, or from the owner.' }),
  bytesPerSecond: integer({ default: 1_073_741_824, min: 1, unit: 'bytes', doc: 'Likewise, bytes.' }),
  flood: oneOf({ choices: ['kick', 'drop'], default: 'kick', doc: 'What follows more; `kick` is MALICIOUS.' }),
  listed: flag({ default: true, doc: 'Whether `list()` shows the channel.' }),
};

export const enterTable = {
  ...endRows,
  maxChunkSize: custom<number | undefined>({
    type: 'integer',
    default: undefined,
    doc: 'The largest chunk, with a joint owner: both ends must mean the same. Default: the one of the channel.',
    accepts: (value) => typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 536_870_912,
  }),
};

export type RelayOptions = Resolved<typeof relayTable>;
export type ChannelsOptions = Given<typeof relayTable>;
export type JointOptions = Given<typeof jointTable>;
export type CreateOptions = Given<typeof createTable>;
export type EnterOptions = Given<typeof enterTable>;
