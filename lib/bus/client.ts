import { BusEmitter } from '#emitter';
import { asBusError, BusError } from '../base/errors.ts';
import { resolveOptions } from '../base/options.ts';
import type { ClientStatus } from '../session/state.ts';
import type { Socket } from 'node:net';
import type { Link } from '../transport/link.ts';
import {
  type AskSettings,
  askOptions,
  requestNames,
  type RequestSettings,
  sendOptions,
  type SendSettings,
} from './call-settings.ts';
import { ClientConversation } from './client-conversation.ts';
import type { Contract, Payload, Sendable, ToClient as In, ToServer as Out } from './contract.ts';
import type { DeadLetter, DurableContext } from './durable.ts';
import { type ClientOptions, clientOptions, type ResolvedClientOptions } from './options.ts';
import type { ClientPeerEvents, ReadyInfo, RetryInfo, SessionInfo, SlowInfo, UndeliveredMessage } from './events.ts';
import type { ClientPlatform } from './platform.ts';
import type { PeerHandle, Plugin } from './plugin.ts';
import { Plugins } from './plugins.ts';
import { type Handler, RequestDispatcher, type Respond } from './request-dispatcher.ts';

/** The events and their listeners, which may be asynchronous: one that rejects is treated as one that throws. */
export interface ClientEvents<C extends Contract> {
  /** A new session with the server; not when a broken link resumed the old one. */
  ready(info: ReadyInfo): unknown;
  /**
   * Something failed that concerns no single call, such as an attempt to connect that is to be followed by another one
   * (`ERR_CONNECT`). Without a listener it is swallowed.
   */
  error(error: BusError): unknown;
  /** The client will not come back by itself, with the reason if there is one. */
  close(reason: unknown): unknown;
  /** There is a link to the server (`true`), or none any more (`false`): by turns, the first one after the first `ready`. */
  link(up: boolean): unknown;
  /** Another attempt to get a link follows after a wait. */
  retry(info: RetryInfo): unknown;
  /** The status changed. */
  status(status: ClientStatus): unknown;
  /** The server sent, or broadcast, a message. A durable one comes with its `context`; it is done as at a server. */
  message(message: In<C, 'message'>, context?: DurableContext): unknown;
  /** A durable message of the server failed for good, or one to it is too large for it; it is in `deadLetters`. */
  deadLetter(letter: DeadLetter): unknown;
  /** The server asked and there is no handler; `respond(answer)` answers. */
  request(request: In<C, 'request'>, respond: Respond<In<C, 'response'>, Client<C>>): unknown;
  /** Each time a link was opened: what became of the session. */
  session(info: SessionInfo): unknown;
  /**
   * Messages of a lost session that the server never acknowledged, in order: the objects given to `send`, as they are
   * now. With `onLost: 'resend'` only those that cannot be sent in a next session.
   */
  undelivered(messages: UndeliveredMessage[]): unknown;
  /** The server takes nothing although something waits for it. */
  slow(info: SlowInfo): unknown;
}

/** What a plugin may ask of a server only. */
function refuse(): never {
  throw new BusError('ERR_STATE', 'A client has one peer');
}

/**
 * One end of a bus: connects to a `Server`, and comes back to it when the link breaks. Every method that returns a
 * promise settles it, whatever happens to the server.
 */
export class Client<C extends Contract = Contract> extends BusEmitter<ClientEvents<C>> implements PeerHandle {
  /** The options in force, defaults included. */
  readonly options: ResolvedClientOptions;
  readonly #conversation: ClientConversation;
  readonly #dispatcher: RequestDispatcher;
  readonly #plugins: Plugins;

  /**
   * `extended`: by a class that may have options of its own among these.
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
    this.#dispatcher = new RequestDispatcher(
      () => this.listenerCount('request') > 0,
      (error) => this.#report(error),
    );
    this.#plugins = new Plugins({
      side: 'client',
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

  /** The id the server gave, while connected. */
  get id(): string | undefined {
    return this.#conversation.id;
  }

  /** Where the client stands: `ClientStatus.IDLE` 0, `CONNECTING` 1, `CONNECTED` 2, `READY` 3, `DISCONNECTED` 4, `RECONNECTING` 5. */
  get status(): ClientStatus {
    return this.#conversation.status;
  }

  /** `session` between two busbar ends, `legacy` towards a net-ipc server, `journal` where both ends have one. */
  get delivery(): 'legacy' | 'session' | 'journal' {
    return this.#conversation.session?.reliable === true ? 'session' : 'legacy';
  }

  /** The server's IP address for tcp and tls, its path or name else; while a link is open. */
  get remoteAddress(): string | undefined {
    return this.#conversation.link?.remote;
  }

  /** What the link runs over, while one is open. */
  get linkKind(): Link['kind'] | undefined {
    return this.#conversation.link?.kind;
  }

  /** The platform's socket, while a link is open. */
  get connection(): Socket | undefined {
    return this.#conversation.link?.socket;
  }

  /** Answers that came too late and were discarded. */
  get lateResponses(): number {
    return this.#conversation.requests.late;
  }

  /** What was to travel by a contract, which the server lacks or the value does not fit, and did so without. */
  get contractFallbacks(): number {
    return this.#conversation.contracts?.fallbacks ?? 0;
  }

  /**
   * Connects, with up to `retries` further attempts. Rejects `ERR_CONNECT`, `ERR_UNAUTHORIZED`, `ERR_SERVER_FULL`,
   * `ERR_UNAVAILABLE`, `ERR_TIMEOUT`, `ERR_ABORTED`, `ERR_INCOMPATIBLE` or `ERR_CLOSED`; the client can then connect again.
   * A function as `payload` is asked before each attempt, later ones too; where it fails, so does that attempt.
   */
  async connect(payload?: Payload<C>, settings?: AskSettings): Promise<this> {
    await this.#conversation.connect(payload, askOptions(settings, undefined));
    return this;
  }

  /**
   * Resolves when the session accepted the message, at once while there is room; with `confirm`, when
   * the server's listeners and `messages()` loops have handled it. Rejects `ERR_CLOSED`, `ERR_DESTROYED`,
   * `ERR_UNENCODABLE`, `ERR_TOO_LARGE`, `ERR_QUEUE_FULL`, `ERR_TIMEOUT` and `ERR_ABORTED` as given, and with `confirm` the
   * error of a listener, `ERR_NO_HANDLER`, `ERR_SESSION_LOST` or, towards net-ipc, `ERR_PEER_LACKS_FEATURE`.
   */
  send(data: Sendable<Out<C, 'message'>>, settings?: SendSettings): Promise<void> {
    try {
      const options = sendOptions(settings);
      return options === undefined ? this.#conversation.send('', data) : this.#conversation.sendUntil(data, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Asks the server; resolves its answer. Rejects `ERR_TIMEOUT` (by default after 10 s), `ERR_ABORTED`,
   * `ERR_NO_HANDLER`, `ERR_SESSION_LOST`, what `send` rejects with, or the error of the handler with its code.
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

  /** Resolves the whole milliseconds that an echo of `data` took. Rejects as `request` does. */
  async ping(data?: unknown, settings?: number | AskSettings): Promise<number> {
    return this.#conversation.ping(data, askOptions(settings, 10_000));
  }

  /** Resolves when everything sent so far was acknowledged (`session`) or left this process (`legacy`). */
  flush(): Promise<void> {
    return this.#conversation.flush();
  }

  /** Stops messages and requests from arriving; the server's sends wait there. */
  pause(): void {
    this.#conversation.pause('user');
  }

  /** Takes up what `pause` held back, in order. */
  resume(): void {
    this.#conversation.resume('user');
  }

  /**
   * Answers requests with what `handler` returns or resolves to; its error becomes the requester's, and one without a
   * `code` reaches `error` here too, as `ERR_LISTENER`. Throws `ERR_INVALID_ARGUMENT` for anything but a function or
   * `undefined`, which takes the handler away.
   */
  handle(handler: Handler<In<C, 'request'>, In<C, 'response'>, this> | undefined): this {
    this.#dispatcher.handle(handler as unknown as Handler<unknown, unknown> | undefined);
    return this;
  }

  /** The server's messages as they come, durable ones too, until the client closes. A slow loop holds the server back. */
  messages(): AsyncIterableIterator<In<C, 'message'>> {
    return this.#conversation.messages() as AsyncIterableIterator<In<C, 'message'>>;
  }

  /** Installs a plugin and returns its client side. Throws `ERR_PLUGIN`. */
  use<ServerApi, ClientApi>(plugin: Plugin<ServerApi, ClientApi>, options?: unknown): ClientApi {
    return this.#plugins.install(plugin, options) as ClientApi;
  }

  /**
   * Finishes what this end owes, then closes; resolves false when it was closed already. Settles within
   * `closeTimeoutMs`. Will not reconnect. A reason that cannot be encoded does not travel.
   */
  close(reason?: unknown): Promise<boolean> {
    return this.#conversation.close(reason);
  }

  /** Rejects everything pending with `ERR_DESTROYED` and closes at once; false when it was closed already. */
  destroy(reason?: unknown): boolean {
    return this.#conversation.destroy(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.#plugins.dispose();
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
      messageFrom: (_peer, lane, data, handling) => {
        if (lane !== '') this.#plugins.message(lane, data, this, handling);
        else if (handling === undefined) this.fire('message', data);
        else this.fireHandled(handling, 'message', data);
      },
      requestFrom: (_peer, request, data) => {
        if (request.lane !== '') this.#plugins.request(request, data);
        else this.#dispatcher.take(request, data, (body, respond) => this.fire('request', body, respond));
      },
      errorOf: (_peer, error) => void this.fire('error', error),
      linkChanged: (_peer, up) => this.#plugins.linkChanged(this, up),
      linkSeen: (_peer, up) => void this.fire('link', up),
      slow: (_peer, info) => void this.fire('slow', info),
      undelivered: (_peer, messages) => void this.fire('undelivered', messages),
      sessionBegun: () => this.#plugins.connected(this, undefined),
      sessionOver: (_peer, reason) => this.#plugins.disconnected(this, reason),
      tell: (event, about) => void this.fire(event, about),
    };
  }

  #report(error: unknown): void {
    this.fire('error', asBusError(error, 'ERR_LISTENER'));
  }
}
