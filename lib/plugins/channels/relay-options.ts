import { longestTimerMs } from '../../base/clock.ts';
import { callback, custom, type Given, integer, oneOf, type Resolved } from '../../base/options.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import type { JointOptions } from './joint-options.ts';
import { roomCaps } from './options.ts';

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

/** What `channels()` takes. Relay options mean nothing on a client, and are refused there. */
export const relayTable = {
  /** Channels at once. */
  maxRooms: integer({ default: 10_000, min: 1 }),
  /** Channels one peer may own, and as many it may enter. */
  maxChannels: integer({ default: 128, min: 1, max: 128 }),
  /** Users in one channel, at the most. */
  maxUsers: integer({ default: roomCaps.maxUsers, min: 1, max: 256 }),
  /** The largest payload or chunk an owner may choose for its channel. */
  maxPayloadBytes: integer({
    default: roomCaps.maxPayloadBytes,
    min: 1,
    max: 1_073_741_824,
    unit: 'bytes',
  }),
  /** What may wait to go out to one user; beyond it the user is removed with FULL. */
  maxPendingBytes: integer({
    default: roomCaps.maxPendingBytes,
    min: 65_536,
    unit: 'bytes',
  }),
  /** Messages from one user in one channel, or from an owner. */
  messagesPerSecond: integer({
    default: roomCaps.messagesPerSecond,
    min: 1,
  }),
  /** Likewise, bytes. */
  bytesPerSecond: integer({ default: roomCaps.bytesPerSecond, min: 1, unit: 'bytes' }),
  /** What follows more: the user is removed (an owner loses its channel) with MALICIOUS, or the surplus is dropped. */
  flood: oneOf({
    choices: ['kick', 'drop'],
    default: roomCaps.flood,
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

export type RelayOptions = Resolved<typeof relayTable>;
export type ChannelsOptions = Given<typeof relayTable>;
