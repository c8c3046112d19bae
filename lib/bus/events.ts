import type { Handling } from '../base/handling.ts';
import type { SlowConsumerPolicy } from '../session/send-queue.ts';
import type { IncomingRequest } from './incoming.ts';
import type { PeerHandle } from './plugin.ts';

export interface ReadyInfo {
  readonly id: string;
  readonly compress: boolean;
  readonly messagepack: boolean;
}

/** What net-ipc calls it. */
export type ClientReadyEvent = ReadyInfo;

export interface SessionInfo {
  /** `fresh`: none went before; `resumed`: the old one goes on, nothing lost; `lost`: the old one is gone. */
  readonly outcome: 'fresh' | 'resumed' | 'lost';
  readonly id: string;
}

export interface RetryInfo {
  /** 1 for the first attempt after a link broke or, with `connect()`, after the first attempt failed. */
  readonly attempt: number;
  /** Until it is made. */
  readonly waitMs: number;
}

export interface UndeliveredMessage {
  readonly data: unknown;
}

export interface SlowInfo {
  readonly peer: PeerHandle;
  readonly policy: SlowConsumerPolicy;
  /** What waits for the peer. */
  readonly bytes: number;
  readonly messages: number;
}

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
