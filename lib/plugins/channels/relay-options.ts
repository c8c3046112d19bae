import { longestTimerMs } from '../../base/clock.ts';
import { callback, custom, type Given, integer, oneOf, type Resolved } from '../../base/options.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import type { JointOptions } from './joint-options.ts';
import { roomCaps } from './options.ts';

/** A request of a peer to the relay. */
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

/** Options of `channels()`. Relay options have no meaning on a client, and are rejected there. */
export const relayTable = {
  /** Most channels. */
  maxRooms: integer({ default: 10_000, min: 1 }),
  /** Most channels that one peer may own, and most that it may enter. */
  maxChannels: integer({ default: 128, min: 1, max: 128 }),
  /** Most users in one channel. */
  maxUsers: integer({ default: roomCaps.maxUsers, min: 1, max: 256 }),
  /** The largest payload or chunk that an owner may choose for its channel. */
  maxPayloadBytes: integer({
    default: roomCaps.maxPayloadBytes,
    min: 1,
    max: 1_073_741_824,
    unit: 'bytes',
  }),
  /** Most bytes that wait for one user; above it, the user is removed with FULL. */
  maxPendingBytes: integer({
    default: roomCaps.maxPendingBytes,
    min: 65_536,
    unit: 'bytes',
  }),
  /** Most messages per second from one user in one channel, or from an owner. */
  messagesPerSecond: integer({
    default: roomCaps.messagesPerSecond,
    min: 1,
  }),
  /** Most bytes per second from one user in one channel, or from an owner. */
  bytesPerSecond: integer({ default: roomCaps.bytesPerSecond, min: 1, unit: 'bytes' }),
  /**
   * What happens above these limits: the user is removed (an owner loses its channel) with MALICIOUS, or the excess is
   * dropped.
   */
  flood: oneOf({
    choices: ['kick', 'drop'],
    default: roomCaps.flood,
  }),
  /** Most topic patterns that one peer may subscribe to. */
  maxSubscriptions: integer({ default: 1_000, min: 0 }),
  /**
   * Called before a channel is created or entered, and before a topic is published or subscribed to; only `true`
   * permits it.
   */
  authorize: callback<Authorize>({
    type: '({ action, id, peer }) => boolean | Promise',
  }),
  /** Time that `authorize` has; after it, the answer is no. */
  authorizeTimeoutMs: integer({ default: 5_000, min: 1, max: longestTimerMs, unit: 'ms' }),
  /**
   * Returns the key that identifies a peer for `block()`. Default: its bus id; the address of a joint peer, on loopback
   * its connection.
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

export type RelayOptions = Resolved<typeof relayTable>;
export type ChannelsOptions = Given<typeof relayTable>;
