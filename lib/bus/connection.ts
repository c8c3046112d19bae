import { BusEmitter } from '#emitter';
import type { Socket } from 'node:net';
import type { Link, PeerCredentials } from '../transport/link.ts';
import { BusError } from '../base/errors.ts';
import { isContractValue, type OwnContracts } from '../wire/contracts.ts';
import { type AskSettings, askOptions, sendOptions, type SendSettings } from './call-settings.ts';
import type { ConnectionEvents } from './connection-events.ts';
import type { Contract, Sendable, Typed } from './contract.ts';
import {
  type ClientSends,
  type Consume,
  type ConsumeContext,
  type ConsumeSettings,
  type DurableConsumer,
  sendBy,
  type ServerJournal,
} from './durable.ts';
import type { PeerEvents, SessionInfo } from './events.ts';
import type { Groups } from './groups.ts';
import type { ResolvedServerOptions } from './options.ts';
import type { Processes, ServerPlatform } from './platform.ts';
import type { PeerHandle } from './plugin.ts';
import { ServerConversation } from './server-conversation.ts';

/** What a connection knows of its server. */
export interface ServerHandle {
  readonly options: object;
  broadcast(data: unknown): Promise<void>;
  close(allowReconnect?: boolean): Promise<unknown>;
}

/** The server of a connection, which hears of it. */
export interface ConnectionOwner {
  readonly handle: ServerHandle;
  readonly groups: Groups<Connection>;
  readonly processes: Processes | undefined;
  readonly contracts: OwnContracts | undefined;
  readonly events: PeerEvents<Connection>;
  readonly identify: ServerPlatform['identify'];
  /** Has the client answer what the platform asks about it. */
  ask(connection: Connection, question: unknown): Promise<unknown>;
  /** Of the server, if it has one. */
  journal(): ServerJournal | undefined;
}

/** A client as its server holds it: the same object for as long as the client's session can resume. */
export class Connection<C extends Contract = Contract> extends BusEmitter<ConnectionEvents> implements PeerHandle {
  /** The public id; no proof of anything, and no secret. */
  readonly id: string;
  readonly #owner: ConnectionOwner;
  readonly #conversation: ServerConversation<Connection>;
  readonly #token: string | undefined;
  readonly #options: ResolvedServerOptions;
  /** Where the server has a journal. */
  readonly #sends: ClientSends | undefined;

  /** Made by a `Server` only. */
  constructor(id: string, token: string | undefined, options: ResolvedServerOptions, owner: ConnectionOwner) {
    super();
    this.id = id;
    this.#token = token;
    this.#options = options;
    this.#owner = owner;
    this.#conversation = new ServerConversation<Connection>(
      this,
      options,
      owner.events,
      owner.processes,
      owner.contracts,
    );
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

  /** The platform's socket, while a link is open. */
  get connection(): Socket | undefined {
    return this.#conversation.link?.socket;
  }

  /** `session` with a busbar client, `legacy` with one that speaks net-ipc, `journal` where both ends have one. */
  get delivery(): 'legacy' | 'session' | 'journal' {
    if (this.#token === undefined) return 'legacy';
    return this.journal === undefined ? 'session' : 'journal';
  }

  /**
   * The id of the client's journal, which stays the same for as long as its folder does; undefined where one of the two ends
   * has none. Whoever knows it can pass for this client, as far as the server admits him: keep it as one keeps a password.
   */
  get journal(): string | undefined {
    return this.#sends?.journal;
  }

  /** The client's IP address for tcp and tls, the server's path or name else; while a link is open. */
  get remoteAddress(): string | undefined {
    return this.#conversation.link?.remote;
  }

  /** What the link runs over, or ran over last. */
  get linkKind(): Link['kind'] | undefined {
    return this.#conversation.lastLink?.kind;
  }

  /**
   * Which user the process at the other end of a unix socket runs as, and where the kernel tells, its group and process id. Rejects
   * `ERR_PEER_LACKS_FEATURE` on other links and for a client that cannot prove it, `ERR_UNAUTHORIZED` for an invalid proof,
   * `ERR_CLOSED` while the client has no link, `ERR_TIMEOUT`.
   */
  async credentials(): Promise<PeerCredentials> {
    const { link } = this.#conversation;
    if (link === undefined) throw new BusError('ERR_CLOSED', 'The client has no link at present');
    return this.#owner.identify(link, async (question) => {
      const answer = await this.#owner.ask(this, question);
      if (this.#conversation.link === link) return answer;
      throw new BusError('ERR_CLOSED', 'The link of the client was lost meanwhile');
    });
  }

  /** True while a link is open; false while the session waits for its client to come back. */
  get attached(): boolean {
    return this.#conversation.link !== undefined;
  }

  /** How many requests there were to this client, those of plugins too. */
  get requestsAsked(): number {
    return this.#conversation.requests.asksMade;
  }

  /** Answers that came too late and were discarded. */
  get lateResponses(): number {
    return this.#conversation.requests.late;
  }

  /** What was to travel by a contract, which the client lacks or the value does not fit, and did so without. */
  get contractFallbacks(): number {
    return this.#conversation.contracts?.fallbacks ?? 0;
  }

  /** The groups this client is in, in the order it joined them; none once its session is over. */
  get groups(): string[] {
    return this.#owner.groups.namesOf(this);
  }

  /**
   * Has the client join a group of the server, where it stays until it leaves or its session is over, whatever its links do.
   * @throws BusError `ERR_CLOSED` when that is over, `ERR_STATE` when it is in 1,000 groups, `ERR_INVALID_ARGUMENT` for what
   * is no string of 1 to 256 bytes.
   */
  join(group: string): void {
    if (this.#conversation.isOver) throw new BusError('ERR_CLOSED');
    this.#owner.groups.join(this, group);
  }

  /** Returns false when it was not in that group. @throws BusError `ERR_INVALID_ARGUMENT`, as `join`. */
  leave(group: string): boolean {
    return this.#owner.groups.leave(this, group);
  }

  /**
   * As `Client.send`, towards this client. With `durable` it resolves when the journal of the server has the message, which
   * the client hears in this session or a later one; rejects `ERR_PEER_LACKS_FEATURE` for a client without a journal.
   */
  send(data: Sendable<Typed<C, 'toClient', 'message'>>, settings?: SendSettings): Promise<void> {
    return this.#sends === undefined ? this.#send(data, settings) : sendBy(this.#sends, data, settings);
  }

  #send(data: unknown, settings: SendSettings | undefined): Promise<void> {
    try {
      const options = sendOptions(settings);
      return options === undefined ? this.#conversation.send('', data) : this.#conversation.sendUntil(data, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** As `Client.request`, towards this client. */
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

  /** Resolves the whole milliseconds that an echo of `data` took. */
  async ping(data?: unknown, settings?: number | AskSettings): Promise<number> {
    return this.#conversation.ping(data, askOptions(settings, 10_000));
  }

  /** As `Client.flush`. */
  async flush(): Promise<void> {
    await this.#sends?.gone();
    await this.#conversation.flush();
  }

  /** Stops this client's messages and requests from arriving; they wait at the client. */
  pause(): void {
    this.#conversation.pause('user');
    this.#owner.journal()?.receipts.pauseOf(this);
  }

  /** Takes up what `pause` held back, in order. */
  resume(): void {
    this.#conversation.resume('user');
    this.#owner.journal()?.receipts.resumeOf(this);
  }

  /** This client's messages as they come, durable ones too, until its session is over. */
  messages(): AsyncIterableIterator<Typed<C, 'toServer', 'message'>> {
    const messages = this.#conversation.messages();
    this.#owner.journal()?.receipts.listen();
    return messages as AsyncIterableIterator<Typed<C, 'toServer', 'message'>>;
  }

  /**
   * As `Server.consume`, for what this client sends: goes before a consumer of the server and before listeners. When its session
   * is over, what is left goes to those, or waits for the next consumer.
   * @throws BusError as `Server.consume`, and `ERR_CLOSED` when the session is over.
   */
  consume(
    handler: (message: Typed<C, 'toServer', 'message'>, context: ConsumeContext) => unknown,
    settings?: ConsumeSettings<Typed<C, 'toServer', 'message'>>,
  ): DurableConsumer {
    const journal = this.#owner.journal();
    if (journal === undefined) throw new BusError('ERR_STATE', 'The server has no journal');
    if (this.#conversation.isOver) throw new BusError('ERR_CLOSED');
    const handle: Consume = (message, _peer, context) => handler(message as Typed<C, 'toServer', 'message'>, context);
    return journal.receipts.consume(typeof handler === 'function' ? handle : handler, settings, this);
  }

  /**
   * Finishes what this end owes, then closes; false when it was closed already. With `allowReconnect` the client comes
   * back by itself. Settles within `closeTimeoutMs`. A reason that cannot be encoded does not travel.
   */
  async close(reason?: unknown, allowReconnect = false): Promise<boolean> {
    const { clock, closeTimeoutMs } = this.#options;
    const finished = this.#sends?.finish(closeTimeoutMs / 2);
    if (finished === undefined) return this.#conversation.close(reason, allowReconnect);
    const endsAt = clock.now() + closeTimeoutMs;
    await finished;
    return this.#conversation.close(reason, allowReconnect, Math.max(0, endsAt - clock.now()));
  }

  /** Rejects everything pending with `ERR_DESTROYED` and closes at once. The client comes back by itself. */
  destroy(reason?: unknown): boolean {
    return this.#conversation.destroy(reason);
  }

  /** @internal */
  get conversation(): ServerConversation<Connection> {
    return this.#conversation;
  }

  /** @internal Whether `token` is this session's; takes the same time wherever they differ. */
  proves(token: string): boolean {
    const own = this.#token;
    if (own === undefined || own.length !== token.length) return false;
    let difference = 0;
    for (let i = 0; i < own.length; i++) difference |= own.charCodeAt(i) ^ token.charCodeAt(i);
    return difference === 0;
  }

  /** @internal Calls this connection's own listeners. */
  tell(event: keyof ConnectionEvents, about: unknown): void {
    this.fire(event, about);
  }

  /** @internal */
  announce(outcome: SessionInfo['outcome']): void {
    this.#conversation.tellLink();
    if (!this.#conversation.isOver) this.fire('session', { outcome, id: this.id });
  }

  protected override listenerFailed(_event: string | symbol, error: unknown): void {
    this.#owner.events.errorOf(this, error);
  }
}
