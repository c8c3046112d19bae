import type { Handling } from '../base/handling.ts';
import type { SlowInfo, UndeliveredMessage } from './events.ts';

import type { IncomingRequest } from './incoming.ts';
import type { PeerHandle } from './plugin.ts';

/** What a conversation tells the `Client` or the `Server` it is of, with the peer it is with. No method throws. */
export interface PeerEvents<Handle extends PeerHandle = PeerHandle> {
  /** `handling` where somebody waits until it was handled. */
  messageFrom(peer: Handle, lane: string, data: unknown, handling: Handling | undefined): void;
  /** `ERR_NO_HANDLER` is theirs to say. */
  requestFrom(peer: Handle, request: IncomingRequest, data: unknown): void;
  errorOf(peer: Handle, error: unknown): void;
  /** The link of a session broke, or it has another one. */
  linkChanged(peer: Handle, up: boolean): void;
  /** The same for the user's listeners, and of the first and the last link too: by turns true and false. */
  linkSeen(peer: Handle, up: boolean): void;
  slow(peer: Handle, info: SlowInfo): void;
  undelivered(peer: Handle, messages: UndeliveredMessage[]): void;
  /** A session is over. */
  sessionOver(peer: Handle, reason: unknown): void;
}

/** What a client's conversation tells besides. */
export interface ClientPeerEvents extends PeerEvents {
  /** There is a new session. */
  sessionBegun(): void;
  /** For the listeners of one of these events alone. */
  tell(event: 'status' | 'retry' | 'ready' | 'session' | 'close', about: unknown): void;
}
