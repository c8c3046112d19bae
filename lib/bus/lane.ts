import type { Link } from '../transport/link.ts';
import type { AskSettings, Withdrawal } from './call-settings.ts';
import type { SurveyAnswer } from './survey-answer.ts';

/**
 * The other end of a session as a plugin sees it: the `Connection` on a server, the `Client` itself on a client, which
 * are the objects that listeners of the bus get too.
 */
export interface PeerHandle {
  /** The public id the server gave; it proves nothing. */
  readonly id: string | undefined;
  /** An IP address for tcp and tls, the path or name else; `undefined` while no link is open. */
  readonly remoteAddress: string | undefined;
  /** What kind of link the peer has, or had last. */
  readonly linkKind: Link['kind'] | undefined;
  /** Of a server's connection: how many requests there were to the client, of all lanes. */
  readonly requestsAsked?: number | undefined;
  /** What is promised of delivery; lanes need `session`. */
  readonly delivery: 'legacy' | 'session' | 'journal';
  send(data: unknown): Promise<void>;
  request(data: unknown, options?: number | LaneSendOptions): Promise<unknown>;
  close(reason?: unknown): Promise<boolean>;
}

export interface LaneRequestContext {
  readonly peer: PeerHandle;
  /** Fires when the requester cancelled or timed out, or when the session is over. */
  readonly signal: AbortSignal;
  /** Milliseconds the requester will still wait; undefined: no limit. */
  readonly deadline: number | undefined;
  /**
   * Calls `hook` if the answer is not sent: it cannot be encoded, the requester gave up, or the session is over. At once
   * where that is known already.
   */
  whenUnsent(hook: () => void): void;
}

/** How a plugin hears of its lane. A throw or a rejection in `request` becomes the requester's rejection, with its code. */
export interface LaneHandlers {
  message?(data: unknown, peer: PeerHandle): void | Promise<void>;
  request?(data: unknown, context: LaneRequestContext): unknown;
}

export interface LaneSendOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; by default 10,000, 0 means no timeout. */
  readonly timeout?: number | undefined;
  /** Takes the request back, as `signal` does, at a tenth of its cost: for those who ask many at once. */
  readonly withdrawal?: Withdrawal | undefined;
  /** Gets an answer that comes when its request was given up; the same function for all requests to one peer. */
  readonly unclaimed?: ((answer: unknown) => void) | undefined;
}

/** How a survey on a lane may be told when to give up: by default after 10 s. */
export interface LaneSurveySettings extends AskSettings {
  /** Gets each answer that comes when the survey was given up. */
  readonly unclaimed?: ((answer: unknown, peer: PeerHandle) => void) | undefined;
}

/**
 * An ordered stream of messages and requests of one plugin's, beside the user's own (lane 0). A lane rides on the
 * session: links may break and come back without loss or disorder. Data is anything MessagePack can carry; a `Buffer`,
 * `Uint8Array`, other typed array or `ArrayBuffer` as the whole of it travels without the codec and arrives as what it
 * was, safe to keep.
 */
export interface Lane {
  /**
   * Queues a message. Resolves when the session accepted it, which is the back-pressure signal; rejects
   * `ERR_PEER_LACKS_FEATURE` towards a net-ipc peer, `ERR_CLOSED`, `ERR_QUEUE_FULL` or `ERR_UNENCODABLE`.
   */
  send(peer: PeerHandle, data: unknown): Promise<void>;
  /**
   * Hands the message to the session if it has room: true when it was accepted, false when `send` would let it wait, and
   * then nothing was queued. Costs no promise.
   * @throws BusError what `send` rejects with.
   */
  trySend(peer: PeerHandle, data: unknown): boolean;
  /** Asks the plugin of the same name at the other end; `ERR_PEER_LACKS_FEATURE` if it has none. */
  request(peer: PeerHandle, data: unknown, options?: LaneSendOptions): Promise<unknown>;
  /** Like `send` to each of `peers`, encoded once; a peer that fails does not keep the others from it. */
  broadcast(peers: Iterable<PeerHandle>, data: unknown): Promise<void>;
  /**
   * Server only: asks each of `peers` as `Server.survey` does, and resolves all their answers in that order. Throws
   * `ERR_STATE` on a client.
   */
  survey(
    peers: Iterable<PeerHandle>,
    data: unknown,
    settings?: LaneSurveySettings,
  ): Promise<SurveyAnswer<PeerHandle, unknown>[]>;
}
