import type { Handling } from '../base/handling.ts';
import type { SlowConsumerPolicy } from '../session/send-queue.ts';
import type { Watchers } from '../session/traffic.ts';
import type { IncomingRequest } from './requests/incoming.ts';
import type { PeerHandle } from './plugin.ts';

export interface ReadyInfo {
  readonly id: string;
  readonly compress: boolean;
  readonly messagepack: boolean;
}

/** net-ipc's name for it. */
export type ClientReadyEvent = ReadyInfo;

export interface SessionInfo {
  /**
   * `fresh`: there was no session before; `resumed`: the session continues, nothing is lost; `lost`: the old session is
   * gone.
   */
  readonly outcome: 'fresh' | 'resumed' | 'lost';
  readonly id: string;
}

export interface RetryInfo {
  /** 1 for the first attempt after a link broke or, with `connect()`, after the first attempt failed. */
  readonly attempt: number;
  /** Milliseconds until the attempt. */
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

/** What a conversation reports to its `Client` or `Server`, with the peer. No method throws. */
export interface PeerEvents<Handle extends PeerHandle = PeerHandle> {
  /** The observers of what goes to peers and comes from them. */
  readonly watchers: Watchers<PeerHandle>;
  /** `handling` is given if the sender waits until the message was handled. */
  messageFrom(peer: Handle, lane: string, data: unknown, handling: Handling | undefined): void;
  /** The receiver decides about `ERR_NO_HANDLER`. */
  requestFrom(peer: Handle, request: IncomingRequest, data: unknown): void;
  errorOf(peer: Handle, error: unknown): void;
  /** The link of a session broke, or it has another one. */
  linkChanged(peer: Handle, up: boolean): void;
  /** The same for the user's listeners, including the first and the last link: true and false alternate. */
  linkSeen(peer: Handle, up: boolean): void;
  slow(peer: Handle, info: SlowInfo): void;
  undelivered(peer: Handle, messages: UndeliveredMessage[]): void;
  /** A session has ended. */
  sessionOver(peer: Handle, reason: unknown): void;
}

/** What a client's conversation also reports. */
export interface ClientPeerEvents extends PeerEvents {
  /** There is a new session. */
  sessionBegun(): void;
  /** For the listeners of one of these events only. */
  tell(event: 'status' | 'retry' | 'ready' | 'session' | 'close', about: unknown): void;
}
