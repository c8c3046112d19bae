import {
  anything,
  count,
  flag,
  type ListMessage,
  listOf,
  listReader,
  object,
  optional,
  type Shape,
  text,
  tuple,
} from '../../base/shape.ts';
import { isReason, type Reason } from './reason.ts';

/** What the peer of a channel is told about a peer. */
export interface ChannelPeer {
  /** The public id of a bus peer; for a joint peer one that the relay made up. */
  readonly id: string;
  /** A peer of the joint protocol: its bytes do not say whether they are chunks. */
  readonly joint: boolean;
}

/** What the relay says of a channel to an end that it lets in. */
export interface Membership {
  /** The relay's number for the channel. */
  readonly room: number;
  /** The end's own number for it: the lowest free one of 0 to 127. */
  readonly number: number;
  readonly maxChunkBytes: number;
  readonly maxPayloadBytes: number;
}

export interface RoomInfo {
  readonly id: string;
  readonly users: number;
  readonly maxUsers: number;
}

const numberOrText: Shape<number | string> = (value) => typeof value === 'string' || count()(value);
const reasonShape: Shape<Reason> = isReason;
const peerShape: Shape<ChannelPeer> = object({ id: text(), joint: flag });
const membershipShape: Shape<Membership> = object({
  room: count(),
  number: count(),
  maxChunkBytes: count(),
  maxPayloadBytes: count(),
});

/** What a bus peer asks the relay; a refusal is answered `[reason, text]`, anything else is the answer itself. */
const requests = {
  create: [count(), text(), anything],
  enter: [count(), text(), anything],
  list: [],
} as const;

/** What a bus peer tells the relay besides frames, as lists on the lane (`docs/channels.md`, "On the wire"). */
const peerMessages = {
  leave: [count()],
  kick: [count(), count(), anything],
  block: [count(), count(), anything],
  unblock: [count(), numberOrText],
  /** The next broadcast is not for these users: they get a copy of their own. */
  skip: [count(), listOf(count())],
  publish: [text(), anything],
  subscribe: [text()],
  unsubscribe: [text()],
} as const;

/** What the relay tells a bus peer besides frames. */
const relayMessages = {
  created: [count(), membershipShape],
  entered: [count(), membershipShape, count(), peerShape],
  userConnect: [count(), count(), peerShape],
  userDisconnect: [count(), count(), reasonShape],
  gone: [count(), reasonShape, optional(text())],
  closed: [count(), reasonShape],
  trouble: [count(), reasonShape, optional(count())],
  /** The peer accepted this many bytes for this user (or from it). */
  credit: [count(), count(), count()],
  topic: [text(), anything],
} as const;

export type PeerRequest = ListMessage<typeof requests>;
export type PeerMessage = ListMessage<typeof peerMessages>;
/** What ends say about their rooms, whichever way they have to the relay. */
export type RoomMessage = Exclude<PeerMessage, readonly ['publish' | 'subscribe' | 'unsubscribe', ...unknown[]]>;
export type RelayMessage = ListMessage<typeof relayMessages>;
/** What the relay says to an end that it lets in, as an owner or as a user. */
export type EntryMessage = Extract<RelayMessage, readonly ['created' | 'entered', ...unknown[]]>;

export const readRequest = listReader('request of channels', requests);
export const readPeerMessage = listReader('message of channels', peerMessages);
export const readRelayMessage = listReader('message of channels', relayMessages);

export const isRefusal: Shape<readonly [Reason, string | null | undefined]> = tuple(reasonShape, optional(text()));
export const isRoomInfo: Shape<RoomInfo> = object({ id: text(), users: count(), maxUsers: count() });

const maxNameBytes = 255;
const maxUnitBytes = 3;
const utf8 = new TextEncoder();

/** Whether `value` may name a channel or a topic: a text of 1 to 255 bytes in UTF-8. */
export function isName(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || value.length > maxNameBytes) return false;
  return value.length * maxUnitBytes <= maxNameBytes || utf8.encode(value).length <= maxNameBytes;
}
