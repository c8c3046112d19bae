import type { Admission } from './ends/line.ts';
import { isReason, type Reason } from './reason.ts';
import type { ChannelPeer } from './relay/member.ts';

/** What the relay tells a bus peer besides frames, as arrays on the lane (`docs/channels.md`, "On the wire"). */
export type RelayNote =
  | readonly ['created', handle: number, admission: Admission]
  | readonly ['entered', handle: number, admission: Admission, token: number, owner: ChannelPeer]
  | readonly ['userConnect', room: number, token: number, peer: ChannelPeer]
  | readonly ['userDisconnect', room: number, token: number, reason: Reason]
  | readonly ['gone', room: number, reason: Reason, text: string | null]
  | readonly ['closed', room: number, reason: Reason]
  | readonly ['trouble', room: number, reason: Reason, user: number | null]
  /** So much for this user (or from it) was accepted at the other side. */
  | readonly ['credit', room: number, token: number, bytes: number]
  | readonly ['topic', topic: string, data: unknown];

/** What a bus peer tells the relay besides frames. */
export type PeerNote =
  | readonly ['leave', room: number]
  | readonly ['kick', room: number, token: number, text: string | null]
  | readonly ['block', room: number, token: number, text: string | null]
  | readonly ['unblock', room: number, who: number | string]
  /** The next broadcast is not for these users: they get a copy of their own. */
  | readonly ['skip', room: number, tokens: readonly number[]]
  | readonly ['publish', topic: string, data: unknown]
  | readonly ['subscribe', pattern: string]
  | readonly ['unsubscribe', pattern: string];

/** What a bus peer asks the relay; a refusal is answered `[reason, text]`, anything else is the answer itself. */
export type PeerRequest =
  | readonly ['create', handle: number, id: string, limits: Readonly<Record<string, unknown>>]
  | readonly ['enter', handle: number, id: string, maxChunkBytes: number | null]
  | readonly ['list'];

export function isRefusal(answer: unknown): answer is readonly [Reason, string | null] {
  return Array.isArray(answer) && answer.length === 2 && isReason(answer[0]);
}
