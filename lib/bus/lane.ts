import type { LaneLore } from '../session/operations.ts';
import type { Link } from '../transport/link.ts';
import type { AskSettings, Withdrawal } from './call-settings.ts';
import type { SurveyAnswer } from './survey-answer.ts';

/**
 * The peer of a session as a plugin sees it: the `Connection` on a server, the `Client` itself on a client. Listeners
 * of the bus get the same objects.
 */
export interface PeerHandle {
  /** The public id that the server assigned; it proves nothing. */
  readonly id: string | undefined;
  /** An IP address for TCP and TLS, otherwise the path or name; `undefined` while no link is open. */
  readonly remoteAddress: string | undefined;
  /** The kind of the peer's present or last link. */
  readonly linkKind: Link['kind'] | undefined;
  /** For a server's connection: the number of requests to the client on all lanes. */
  readonly requestsAsked?: number | undefined;
  /** The delivery promise; lanes need `session`. */
  readonly delivery: 'legacy' | 'session' | 'journal';
  send(data: unknown): Promise<void>;
  request(data: unknown, options?: number | LaneSendOptions): Promise<unknown>;
  close(reason?: unknown): Promise<boolean>;
}

export interface LaneRequestContext {
  readonly peer: PeerHandle;
  /** Fires when the requester cancelled or timed out, or when the session has ended. */
  readonly signal: AbortSignal;
  /** Milliseconds that the requester will still wait; undefined: no limit. */
  readonly deadline: number | undefined;
  /**
   * Calls `hook` if the answer is not sent: it cannot be encoded, the requester cancelled, or the session has ended.
   * Calls it at once if that is known already.
   */
  whenUnsent(hook: () => void): void;
}

/** The handlers of a plugin's lane, and what it says of what is on it to who traces it. A throw or a rejection in `request` rejects the request, with its code. */
export interface LaneHandlers extends LaneLore {
  message?(data: unknown, peer: PeerHandle): void | Promise<void>;
  request?(data: unknown, context: LaneRequestContext): unknown;
}

export interface LaneSendOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. Default: 10,000; 0 means no timeout. */
  readonly timeout?: number | undefined;
  /** Cancels the request, as `signal` does, at a tenth of its cost: for callers with many requests. */
  readonly withdrawal?: Withdrawal | undefined;
  /** Gets an answer that arrives after its request was cancelled; the same function for all requests to one peer. */
  readonly unclaimed?: ((answer: unknown) => void) | undefined;
}

/** Settings of a survey on a lane. The default timeout is 10 s. */
export interface LaneSurveySettings extends AskSettings {
  /** Gets each answer that arrives after the survey was cancelled. */
  readonly unclaimed?: ((answer: unknown, peer: PeerHandle) => void) | undefined;
}

/**
 * An ordered stream of messages and requests of one plugin, beside the user's lane (lane 0). A lane belongs to the
 * session: links may break and come back without loss or disorder. Data is anything that MessagePack can carry. A
 * `Buffer`, `Uint8Array`, other typed array or `ArrayBuffer` that is the whole message travels without the codec, keeps
 * its type, and is safe to keep.
 */
export interface Lane {
  /**
   * Queues a message. Resolves when the session has accepted it; await it for back-pressure. Rejects with
   * `ERR_PEER_LACKS_FEATURE` for a net-ipc peer, `ERR_CLOSED`, `ERR_QUEUE_FULL` or `ERR_UNENCODABLE`. `until` ends the
   * wait, and the message is not sent: `ERR_TIMEOUT` or `ERR_ABORTED`. Pages ignore it.
   */
  send(peer: PeerHandle, data: unknown, until?: AskSettings): Promise<void>;
  /**
   * Passes the message to the session if there is room: true if it was accepted; false, and nothing is queued, if
   * `send` would wait. Costs no promise.
   * @throws BusError what `send` rejects with.
   */
  trySend(peer: PeerHandle, data: unknown): boolean;
  /** Sends a request to the same plugin at the peer; `ERR_PEER_LACKS_FEATURE` if the peer lacks it. */
  request(peer: PeerHandle, data: unknown, options?: LaneSendOptions): Promise<unknown>;
  /** Like `send` to each of `peers`, encoded once; a failure of one peer does not affect the others. */
  broadcast(peers: Iterable<PeerHandle>, data: unknown): Promise<void>;
  /**
   * Server only: asks each of `peers` as `Server.survey` does, and resolves with all outcomes in that order. Throws
   * `ERR_STATE` on a client.
   */
  survey(
    peers: Iterable<PeerHandle>,
    data: unknown,
    settings?: LaneSurveySettings,
  ): Promise<SurveyAnswer<PeerHandle, unknown>[]>;
}
