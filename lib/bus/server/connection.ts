import type { Socket } from 'node:net';
import { BusError } from '../../base/errors.ts';
import { isSameToken } from '../../base/random.ts';
import type { Link, PeerCredentials } from '../../transport/link.ts';
import { isContractValue } from '../../wire/contracts.ts';
import { type AskSettings, askOptions, sendOptions, type SendSettings } from '../call-settings.ts';
import type { Contract, Sendable, Typed } from '../contract.ts';
import {
  type ClientSends,
  type Consume,
  type ConsumeContext,
  type ConsumeSettings,
  type DurableConsumer,
  type DurableDeadLetters,
  sendBy,
  type ServerReceipts,
} from '../durable.ts';
import type { SessionInfo } from '../events.ts';
import type { ResolvedServerOptions } from '../options.ts';
import type { PeerHandle } from '../plugin.ts';
import { statsOf } from '../stats-of.ts';
import type { Stats } from '../stats.ts';
import { VisibleEmitter } from '../visible.ts';
import type { ConnectionEvents, ConnectionOwner, ServerHandle } from './connection-events.ts';
import { ServerConversation } from './server-conversation.ts';

type Owner = ConnectionOwner<Connection>;

/** A client at its server: the same object as long as the client's session can resume. */
export class Connection<C extends Contract = Contract> extends VisibleEmitter<ConnectionEvents> implements PeerHandle {
  /** The public id. It is not secret and proves nothing. */
  readonly id: string;
  readonly #owner: Owner;
  readonly #conversation: ServerConversation<Connection>;
  readonly #token: string | undefined;
  readonly #options: ResolvedServerOptions;
  /** Where the server has a journal. */
  readonly #sends: ClientSends | undefined;

  /** Made by a `Server` only. */
  constructor(id: string, token: string | undefined, options: ResolvedServerOptions, owner: Owner) {
    super();
    this.id = id;
    this.#token = token;
    this.#options = options;
    this.#owner = owner;
    const { events, processes, contracts } = owner;
    this.#conversation = new ServerConversation<Connection>(this, options, events, processes, contracts);
    this.#sends = owner.journal()?.sendsTo(this, {
      send: (given, settings) => this.#send(given, settings),
      valueOf: (given) => (isContractValue(given) ? given.value : given),
      arrived: () => this.#conversation.queues.flush(),
      welcomed: () => this.#conversation.reading(),
    });
  }

  /** The server this connection belongs to. */
  get server(): ServerHandle {
    return this.#owner.handle;
  }

  /** The platform's socket; undefined without a link. */
  get connection(): Socket | undefined {
    return this.#conversation.link?.socket;
  }

  /** `session` with a busbar client, `legacy` with a net-ipc client, `journal` if both ends have a journal. */
  get delivery(): 'legacy' | 'session' | 'journal' {
    if (this.#token === undefined) return 'legacy';
    return this.journal === undefined ? 'session' : 'journal';
  }

  /**
   * The id of the client's journal, the same as long as its folder exists; undefined if an end has no
   * journal, and until the client has reported it: not yet in `connect` listeners, unless they have awaited a durable send. A client
   * that knows it can pass for this client, as far as the server admits it: keep it secret like a password.
   */
  get journal(): string | undefined {
    return this.#sends?.journal;
  }

  /** The client's IP address for TCP and TLS, otherwise the server's path or name; undefined without a link. */
  get remoteAddress(): string | undefined {
    return this.#conversation.link?.remote;
  }

  /** The kind of the present or last link. */
  get linkKind(): Link['kind'] | undefined {
    return this.#conversation.lastLink?.kind;
  }

  /**
   * The user that the process at the peer of a unix socket runs as, and its group and process id if the kernel
   * tells them. Rejects with `ERR_PEER_LACKS_FEATURE` on other links and for a client that cannot prove it,
   * `ERR_UNAUTHORIZED` for an invalid proof, `ERR_CLOSED` while the client has no link, and `ERR_TIMEOUT`.
   */
  async credentials(): Promise<PeerCredentials> {
    const { link } = this.#conversation;
    if (link === undefined) throw new BusError('ERR_CLOSED', 'The client has no link at present');
    return this.#owner.identify(link, async (question) => {
      const answer = await this.#owner.ask(this, question);
      if (this.#conversation.link === link) return answer;
      throw new BusError('ERR_CLOSED', 'The link of the client was lost in the meantime');
    });
  }

  /** True while a link is open; false while the session waits for its client to reconnect. */
  get attached(): boolean {
    return this.#conversation.link !== undefined;
  }

  /** Number of requests to this client, including those of plugins. */
  get requestsAsked(): number {
    return this.#conversation.requests.asksMade;
  }

  /** Number of answers that arrived too late and were discarded. */
  get lateResponses(): number {
    return this.#conversation.requests.late;
  }

  /** Number of messages sent without their contract: the client lacks it, or the value does not fit. */
  get contractFallbacks(): number {
    return this.#conversation.contracts?.fallbacks ?? 0;
  }

  /** The client's groups, in the order in which it joined them; empty after its session has ended. */
  get groups(): string[] {
    return this.#owner.groups.namesOf(this);
  }

  /**
   * Adds the client to a group of the server until it leaves or its session ends; broken links do not matter.
   * @throws BusError `ERR_CLOSED` if the session has ended, `ERR_STATE` if the client is in 1,000 groups,
   * `ERR_INVALID_ARGUMENT` unless the name is a string of 1 to 256 bytes.
   */
  join(group: string): void {
    if (this.#conversation.isOver) throw new BusError('ERR_CLOSED');
    this.#owner.groups.join(this, group);
  }

  /** Returns false if the client was not in that group. @throws BusError `ERR_INVALID_ARGUMENT`, as `join`. */
  leave(group: string): boolean {
    return this.#owner.groups.leave(this, group);
  }

  /**
   * As `Client.send`, to this client. With `durable`, it resolves when the server's journal has the message, for this
   * session or a later one. Rejects with `ERR_PEER_LACKS_FEATURE` for a client without a journal.
   */
  send(data: Sendable<Typed<C, 'toClient', 'message'>>, settings?: SendSettings): Promise<void> {
    const isPlain = this.#sends === undefined && settings?.durable === undefined;
    return isPlain ? this.#send(data, settings) : sendBy(this.#sends, data, settings);
  }

  #send(data: unknown, settings: SendSettings | undefined): Promise<void> {
    try {
      const options = sendOptions(settings);
      return options ? this.#conversation.sendUntil('', data, options) : this.#conversation.send('', data);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** As `Client.request`, to this client. */
  request(
    data: Sendable<Typed<C, 'toClient', 'request'>>,
    settings?: number | AskSettings,
  ): Promise<Typed<C, 'toClient', 'response'>>;
  request(
    data: Sendable<Typed<C, 'toClient', 'request'>>,
    timeoutMs?: number,
  ): Promise<Typed<C, 'toClient', 'response'>>;
  request(
    data: Sendable<Typed<C, 'toClient', 'request'>>,
    settings?: number | AskSettings,
  ): Promise<Typed<C, 'toClient', 'response'>> {
    try {
      return this.#conversation.request('', data, askOptions(settings, 10_000)) as Promise<
        Typed<C, 'toClient', 'response'>
      >;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Resolves with the round-trip time of an echo of `data` in whole milliseconds. */
  async ping(data?: unknown, settings?: number | AskSettings): Promise<number> {
    return this.#conversation.ping(data, askOptions(settings, 10_000));
  }

  /** As `Client.flush`. */
  async flush(): Promise<void> {
    await this.#sends?.gone();
    await this.#conversation.flush();
  }

  /** Stops the delivery of this client's messages and requests; they wait at the client. */
  pause(): void {
    this.#conversation.pause('user');
    this.#owner.journal()?.receipts.pauseOf(this);
  }

  /** Ends `pause` and delivers what it held back, in order. */
  resume(): void {
    this.#conversation.resume('user');
    this.#owner.journal()?.receipts.resumeOf(this);
  }

  /** This client's messages, including durable ones, until its session ends. */
  messages(): AsyncIterableIterator<Typed<C, 'toServer', 'message'>> {
    const messages = this.#conversation.messages();
    this.#owner.journal()?.receipts.listen();
    return messages as AsyncIterableIterator<Typed<C, 'toServer', 'message'>>;
  }

  /**
   * As `Server.consume`, for this client's messages. It precedes a consumer of the server and listeners. When the
   * session ends, the remaining messages go to those, or wait for the next consumer.
   * @throws BusError as `Server.consume`, and `ERR_CLOSED` if the session has ended.
   */
  consume(
    handler: (message: Typed<C, 'toServer', 'message'>, context: ConsumeContext) => unknown,
    settings?: ConsumeSettings<Typed<C, 'toServer', 'message'>>,
  ): DurableConsumer {
    const handle: Consume = (message, _peer, context) => handler(message as Typed<C, 'toServer', 'message'>, context);
    return this.#receipts.consume(typeof handler === 'function' ? handle : handler, settings, this);
  }

  /**
   * The durable messages of this client, and to it, that failed finally, until its session ends. Later they are only in
   * `Server.deadLetters`. @throws BusError `ERR_STATE` without a journal, `ERR_CLOSED` if the session has ended.
   */
  get deadLetters(): DurableDeadLetters {
    // Throws once the session has ended.
    return this.#receipts.deadLettersOf(() => this.#receipts && this.journal);
  }

  get #receipts(): ServerReceipts {
    const journal = this.#owner.journal();
    if (journal === undefined) throw new BusError('ERR_STATE', 'The server has no journal');
    if (this.#conversation.isOver) throw new BusError('ERR_CLOSED');
    return journal.receipts;
  }

  /**
   * Finishes pending work, then closes. Resolves with false if it was closed already. With `allowReconnect`, the client
   * reconnects by itself. Settles within `closeTimeoutMs`. A reason that cannot be encoded is not sent.
   */
  async close(reason?: unknown, allowReconnect = false): Promise<boolean> {
    const { clock, closeTimeoutMs } = this.#options;
    const finished = this.#sends?.finish(closeTimeoutMs / 2);
    if (finished === undefined) return this.#conversation.close(reason, allowReconnect);
    const endsAt = clock.now() + closeTimeoutMs;
    await finished;
    return this.#conversation.close(reason, allowReconnect, Math.max(0, endsAt - clock.now()));
  }

  /** Rejects everything pending with `ERR_DESTROYED` and closes at once. The client reconnects by itself. */
  destroy(reason?: unknown): boolean {
    return this.#conversation.destroy(reason);
  }

  /** What was counted of this client, in all its sessions, and what waits now: plain numbers, made when asked. */
  stats(): Stats {
    return statsOf(undefined, [this.#conversation], this.#options.clock);
  }

  /** Who it is, what it has for a link and a session, and its `stats()`: what is printed of it too. */
  toJSON(): object {
    const { id, remoteAddress, linkKind, attached, delivery, groups } = this;
    return { id, remoteAddress, linkKind, attached, delivery, groups, stats: this.stats() };
  }

  /** @internal */
  get conversation(): ServerConversation<Connection> {
    return this.#conversation;
  }

  /** @internal Whether `token` belongs to this session; takes the same time for every token. */
  proves(token: string): boolean {
    return this.#token !== undefined && isSameToken(this.#token, token);
  }

  /** @internal Calls this connection's own listeners. */
  tell(event: keyof ConnectionEvents, about: unknown): void {
    this.fire(event, about);
  }

  /** @internal */
  announce(outcome: SessionInfo['outcome']): void {
    this.#conversation.tellLink();
    this.#conversation.traffic.opened(outcome);
    if (!this.#conversation.isOver) this.fire('session', { outcome, id: this.id });
  }

  protected override listenerFailed(_event: string | symbol, error: unknown): void {
    this.#owner.events.errorOf(this, error);
  }
}
