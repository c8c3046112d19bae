import type { SlowInfo, UndeliveredMessage } from './events.ts';
import type { Handling } from '../base/handling.ts';
import type { IncomingRequest } from './incoming.ts';

/** What the holder of a conversation is told; one table serves all holders of a class. */
export interface ServerConversationEvents<Holder> {
  message(holder: Holder, lane: string, data: unknown, bytes: number, handling: Handling | undefined): void;
  request(holder: Holder, request: IncomingRequest, data: unknown): void;
  error(holder: Holder, error: unknown): void;
  /** The link of a session broke, or it has another one. */
  linkChanged(holder: Holder, up: boolean): void;
  /** The same, and of the first and the last link too. */
  linkSeen(holder: Holder, up: boolean): void;
  slow(holder: Holder, info: SlowInfo): void;
  undelivered(holder: Holder, messages: UndeliveredMessage[]): void;
  /** The last word: the session is over. */
  over(holder: Holder, reason: unknown): void;
}
