import { BusEmitter } from '#emitter';
import { asBusError, BusError } from '../../base/errors.ts';
import { resolveOptions } from '../../base/options.ts';
import type { ClientStatus } from '../../session/state.ts';
import { Watchers } from '../../session/traffic.ts';
import type { Socket } from 'node:net';
import type { Link } from '../../transport/link.ts';
import {
  type AskSettings,
  askOptions,
  requestNames,
  type RequestSettings,
  sendOptions,
  type SendSettings,
} from '../call-settings.ts';
import { ClientConversation } from './client-conversation.ts';
import type { Contract, Payload, Sendable, ToClient as In, ToServer as Out } from '../contract.ts';
import type { DeadLetter, DurableContext } from '../durable.ts';
import { type ClientOptions, clientOptions, type ResolvedClientOptions } from '../options.ts';
import type { ClientPeerEvents, ReadyInfo, RetryInfo, SessionInfo, SlowInfo, UndeliveredMessage } from '../events.ts';
import type { ClientPlatform } from '../platform.ts';
import type { PeerHandle, Plugin } from '../plugin.ts';
import { Plugins } from '../plugins.ts';
import { type Handler, RequestDispatcher, type Respond } from '../requests/request-dispatcher.ts';
import type { Stats } from '../stats.ts';
import { statsOf } from '../stats-of.ts';

/** The client's events. A listener may be async; one that rejects is treated like one that throws. */
export interface ClientEvents<C extends Contract> {
  /** A new session with the server began. Not emitted when a session resumes after a broken link. */
  ready(info: ReadyInfo): unknown;
  /**
   * A failure that belongs to no call, such as a failed attempt to connect that will be repeated (`ERR_CONNECT`).
   * Ignored if there is no listener.
   */
  error(error: BusError): unknown;
  /** The client stays disconnected until `connect()` is called again. With the reason, if there is one. */
  close(reason: unknown): unknown;
  /** The client got a link (`true`) or lost it (`false`). The two alternate, beginning after the first `ready`. */
  link(up: boolean): unknown;
  /** Another attempt to open a link follows after a wait. */
  retry(info: RetryInfo): unknown;
  /** The status changed. */
  status(status: ClientStatus): unknown;
  /** The server sent a message. A durable one has a `context`, and is done under the same conditions as at a server. */
  message(message: In<C, 'message'>, context?: DurableContext): unknown;
  /** A durable message of the server failed finally, or one to it is too large. It is in `deadLetters`. */
  deadLetter(letter: DeadLetter): unknown;
  /** A request of the server, if there is no handler; `respond(answer)` answers it. */
  request(request: In<C, 'request'>, respond: Respond<In<C, 'response'>, Client<C>>): unknown;
  /** A link opened: the outcome for the session. */
  session(info: SessionInfo): unknown;
  /**
   * Messages of a lost session that the server did not acknowledge, in order: the objects given to `send`, in their
   * present state. With `onLost: 'resend'`, only those that cannot be sent in the next session.
   */
  undelivered(messages: UndeliveredMessage[]): unknown;
  /** The server reads nothing although messages wait for it. */
  slow(info: SlowInfo): unknown;
}

/** For calls of a plugin that only a server supports. */
function refuse(): never {
  throw new BusError('ERR_STATE', 'A client has one peer');
}

/**
 * One end of a bus: connects to a `Server`, and reconnects when the link breaks. Every returned promise settles,
 * whatever happens to the server.
 */
export class Client<C extends Contract = Contract> extends BusEmitter<ClientEvents<C>> implements PeerHandle {
  /** The options in force, including defaults. */
  readonly options: ResolvedClientOptions;
  readonly #conversation: ClientConversation;
  readonly #dispatcher: RequestDispatcher;
  readonly #plugins: Plugins;
  readonly #watchers: Watchers<PeerHandle>;

  /**
   * `extended`: the caller is a subclass whose own options may be among these.
   * @throws BusError `ERR_INVALID_OPTION`, or `ERR_TOO_LARGE` for a path.
   */
  constructor(options: ClientOptions | undefined, platform: ClientPlatform, extended: boolean) {
    super();
    this.options = resolveOptions(
      'Client',
      clientOptions,
      options?.reconnect === false
        ? { ...options, retries: options.retries === undefined ? 0 : options.retries }
        : options,
      extended ? 'ignored' : 'refused',
    );
    const { clock, random, tls } = this.options;
    this.#watchers = platform.watchers ?? new Watchers();
    this.#dispatcher = new RequestDispatcher(
      () => this.listenerCount('request') > 0,
      (error) => this.#report(error),
    );
    this.#plugins = new Plugins({
      side: 'client',
      watchers: this.#watchers,
      stats: () => this.ownStats(),
      clock,
      random,
      tls: typeof tls === 'object' ? tls : this.options.options,
      peers: () => (this.#conversation.is('ready') ? [this] : []),
      started: () => !this.#conversation.is('idle'),
      conversationWith: () => this.#conversation,
      report: (error) => this.#report(error),
      acceptLink: refuse,
      clients: undefined,
      select: refuse,
      survey: refuse,
    });
    this.#conversation = new ClientConversation(this, this.options, platform, this.#plugins, this.#peerEvents());
  }

  /** The id that the server assigned; undefined while not connected. */
  get id(): string | undefined {
    return this.#conversation.id;
  }

  /** `ClientStatus.IDLE` 0, `CONNECTING` 1, `CONNECTED` 2, `READY` 3, `DISCONNECTED` 4 or `RECONNECTING` 5. */
  get status(): ClientStatus {
    return this.#conversation.status;
  }

  /** `session` with a busbar server, `legacy` with a net-ipc server, `journal` if both ends have a journal. */
  get delivery(): 'legacy' | 'session' | 'journal' {
    return this.#conversation.session?.reliable === true ? 'session' : 'legacy';
  }

  /** The server's IP address for TCP and TLS, otherwise its path or name; undefined without a link. */
  get remoteAddress(): string | undefined {
    return this.#conversation.link?.remote;
  }

  /** The kind of the open link; undefined without a link. */
  get linkKind(): Link['kind'] | undefined {
    return this.#conversation.link?.kind;
  }

  /** The platform's socket; undefined without a link. */
  get connection(): Socket | undefined {
    return this.#conversation.link?.socket;
  }

  /** Number of answers that arrived too late and were discarded. */
  get lateResponses(): number {
    return this.#conversation.requests.late;
  }

  /** Number of messages sent without their contract: the server lacks it, or the value does not fit. */
  get contractFallbacks(): number {
    return this.#conversation.contracts?.fallbacks ?? 0;
  }

  /**
   * Connects, with up to `retries` further attempts. A function as `payload` is called before each attempt, including
   * later ones; if it fails, so does the attempt. Rejects with `ERR_CONNECT`, `ERR_UNAUTHORIZED`, `ERR_SERVER_FULL`,
   * `ERR_UNAVAILABLE`, `ERR_TIMEOUT`, `ERR_ABORTED`, `ERR_INCOMPATIBLE` or `ERR_CLOSED`.
   */
  async connect(payload?: Payload<C>, settings?: AskSettings): Promise<this> {
    await this.#conversation.connect(payload, askOptions(settings, undefined));
    return this;
  }

  /**
   * Resolves when the session has accepted the message, at once while there is room; with `confirm`, when the server's
   * listeners and `messages()` loops have handled it. Rejects with `ERR_CLOSED`, `ERR_DESTROYED`, `ERR_UNENCODABLE`,
   * `ERR_TOO_LARGE`, `ERR_QUEUE_FULL`, `ERR_TIMEOUT`, `ERR_ABORTED`; with `confirm`, also with the error of a listener,
   * `ERR_NO_HANDLER`, `ERR_SESSION_LOST` or, from net-ipc, `ERR_PEER_LACKS_FEATURE`.
   */
  send(data: Sendable<Out<C, 'message'>>, settings?: SendSettings): Promise<void> {
    try {
      const options = sendOptions(settings);
      return options ? this.#conversation.sendUntil('', data, options) : this.#conversation.send('', data);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends a request and resolves with the answer. Rejects with the handler's error and its code, `ERR_NO_HANDLER`,
   * `ERR_TIMEOUT` (default: after 10 s), `ERR_ABORTED`, `ERR_SESSION_LOST`, or what `send` rejects with.
   */
  request(data: Sendable<Out<C, 'request'>>, settings?: number | RequestSettings): Promise<Out<C, 'response'>>;
  request(data: Sendable<Out<C, 'request'>>, timeoutMs?: number): Promise<Out<C, 'response'>>;
  request(data: Sendable<Out<C, 'request'>>, settings?: number | RequestSettings): Promise<Out<C, 'response'>> {
    try {
      return this.#conversation.request('', data, askOptions(settings, 10_000, requestNames)) as Promise<
        Out<C, 'response'>
      >;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Resolves with the round-trip time of an echo of `data` in whole milliseconds. Rejects as `request` does. */
  async ping(data?: unknown, settings?: number | AskSettings): Promise<number> {
    return this.#conversation.ping(data, askOptions(settings, 10_000));
  }

  /** Resolves when everything sent so far is acknowledged (`session`) or has left this process (`legacy`). */
  flush(): Promise<void> {
    return this.#conversation.flush();
  }

  /** Stops the delivery of messages and requests; the server's sends wait there. */
  pause(): void {
    this.#conversation.pause('user');
  }

  /** Ends `pause` and delivers what it held back, in order. */
  resume(): void {
    this.#conversation.resume('user');
  }

  /**
   * Sets the handler of requests: its result, or the value that its promise resolves with, is the answer. Its error
   * rejects the request; an error without a `code` also reaches `error` here, as `ERR_LISTENER`. `undefined` removes
   * the handler. Throws `ERR_INVALID_ARGUMENT` for anything else.
   */
  handle(handler: Handler<In<C, 'request'>, In<C, 'response'>, this> | undefined): this {
    this.#dispatcher.handle(handler as unknown as Handler<unknown, unknown> | undefined);
    return this;
  }

  /** The server's messages, including durable ones, until the client closes. A slow loop slows the server down. */
  messages(): AsyncIterableIterator<In<C, 'message'>> {
    return this.#conversation.messages() as AsyncIterableIterator<In<C, 'message'>>;
  }

  /** Installs a plugin and returns its client side. Throws `ERR_PLUGIN`. */
  use<ServerApi, ClientApi>(plugin: Plugin<ServerApi, ClientApi>, options?: unknown): ClientApi {
    return this.#plugins.install(plugin, options) as ClientApi;
  }

  /**
   * Finishes pending work, then closes and stays closed. Resolves with false if it was closed already. Settles within
   * `closeTimeoutMs`. A reason that cannot be encoded is not sent.
   */
  close(reason?: unknown): Promise<boolean> {
    return this.#conversation.close(reason);
  }

  /** Rejects everything pending with `ERR_DESTROYED` and closes at once. False if it was closed already. */
  destroy(reason?: unknown): boolean {
    return this.#conversation.destroy(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.#plugins.dispose();
  }

  /** @internal As `Server.stats`; web pages do without. */
  protected ownStats(): Stats {
    return statsOf(undefined, [this.#conversation], this.options.clock, this.#plugins.stats());
  }

  /** @internal */
  protected get ownConversation(): ClientConversation {
    return this.#conversation;
  }

  protected override listenerFailed(event: string | symbol, error: unknown, args: readonly unknown[]): void {
    if (event === 'request') this.#dispatcher.listenerFailed(args[1], error);
    else if (event !== 'error') this.#report(error);
  }

  #peerEvents(): ClientPeerEvents {
    return {
      watchers: this.#watchers,
      messageFrom: (_peer, lane, data, handling) => {
        if (lane !== '') this.#plugins.message(lane, data, this, handling);
        else if (handling === undefined) this.fire('message', data);
        else this.fireHandled(handling, 'message', data);
      },
      requestFrom: (_peer, request, data) => {
        if (request.lane !== '') this.#plugins.request(request, data);
        else this.#dispatcher.take(request, data, (body, respond) => this.fire('request', body, respond));
      },
      errorOf: (_peer, error) => this.#report(error),
      linkChanged: (_peer, up) => this.#plugins.linkChanged(this, up),
      linkSeen: (_peer, up) => void this.fire('link', up),
      slow: (_peer, info) => void this.fire('slow', info),
      undelivered: (_peer, messages) => void this.fire('undelivered', messages),
      sessionBegun: () => this.#plugins.connected(this, undefined),
      sessionOver: (_peer, reason) => this.#plugins.disconnected(this, reason),
      tell: (event, about) => void this.fire(event, about),
    };
  }

  #report(given: unknown): void {
    const error = asBusError(given, 'ERR_LISTENER');
    this.#conversation.traffic.failed(this, error, this.fire('error', error));
  }
}
