import type { Server as NetServer } from 'node:net';
import { asBusError, BusError } from '../../base/errors.ts';
import { resolveOptions } from '../../base/options.ts';
import { Traffic, Watchers } from '../../session/traffic.ts';
import type { Link } from '../../transport/link.ts';
import { type AudienceSettings, type StartSettings, startSettings, type SurveySettings } from '../call-settings.ts';
import type { Contract, Sendable, ToClient as Out, ToServer as In } from '../contract.ts';
import type { ServerJournal } from '../durable.ts';
import type { PeerEvents } from '../events.ts';
import { type ResolvedServerOptions, type ServerOptions, serverOptions } from '../options.ts';
import type { ServerPlatform } from '../platform.ts';
import type { PeerHandle, Plugin, PluginHost, WiderAudience } from '../plugin.ts';
import { Plugins } from '../plugins.ts';
import type { IncomingRequest } from '../requests/incoming.ts';
import { type Handler, RequestDispatcher } from '../requests/request-dispatcher.ts';
import { statsOf } from '../stats-of.ts';
import type { Stats } from '../stats.ts';
import { resultOf, type SurveyAnswer, type SurveyResult, type SurveyStreamSettings } from '../survey-answer.ts';
import { VisibleEmitter } from '../visible.ts';
import type { ServerHandle } from './connection-events.ts';
import { Connection } from './connection.ts';
import { Connections } from './connections.ts';
import { Group } from './group.ts';
import { Listening } from './listening.ts';
import type { ServerEvents } from './server-events.ts';
import { lifeEvents } from './server-peer-events.ts';
import { Surveys } from './survey.ts';

/** The end that accepts links, admits clients, and sends to one or all of them. */
export class Server<C extends Contract = Contract> extends VisibleEmitter<ServerEvents<C>> implements ServerHandle {
  /** The options in force, including defaults. */
  readonly options: ResolvedServerOptions;
  readonly #connections: Connections;
  readonly #surveys: Surveys;
  readonly #dispatcher: RequestDispatcher;
  readonly #plugins: Plugins;
  readonly #listening: Listening;
  /** Of the connections that went, and of clients that were refused. */
  readonly #traffic: Traffic<PeerHandle | undefined>;
  readonly #report = (given: unknown, peer?: PeerHandle): void => {
    const error = asBusError(given, 'ERR_LISTENER');
    this.#traffic.failed(peer, error, this.fire('error', error, peer));
  };
  #paused = false;
  /** Where its clients are some among others. */
  #wider: WiderAudience | undefined;

  /**
   * `extended`: the caller is a subclass whose own options may be among these.
   * @throws BusError `ERR_INVALID_OPTION`, or `ERR_TOO_LARGE` for a path.
   */
  constructor(options: ServerOptions<C> | undefined, platform: ServerPlatform, extended: boolean) {
    super();
    this.options = resolveOptions('Server', serverOptions, options, extended ? 'ignored' : 'refused');
    const listen = platform.listener(this.options);
    const { clock, random, tls } = this.options;
    this.#traffic = new Traffic<PeerHandle | undefined>(undefined, platform.watchers ?? new Watchers(), clock.now());
    this.#dispatcher = new RequestDispatcher(() => this.listenerCount('request') > 0, this.#report);
    this.#plugins = new Plugins({
      side: 'server',
      watchers: this.#traffic.watchers,
      stats: () => this.stats(),
      clock,
      random,
      tls: typeof tls === 'object' ? tls : this.options.options,
      peers: () => this.#connections.all,
      started: () => this.#listening.isOn,
      conversationWith: (handle) => this.#connections.conversationWith(handle),
      report: this.#report,
      acceptLink: ((link: Link, withinMs?: number) => {
        if (withinMs !== undefined) return this.take(link, withinMs);
        if (!this.#listening.isOn) throw new BusError('ERR_STATE', 'The server does not listen');
        return this.#connections.accept(link);
      }) as PluginHost['acceptLink'],
      clients: {
        broadcast: (data, settings) => this.#connections.broadcast(data, settings as AudienceSettings<Connection>),
        surveyStream: (data, settings) => this.#surveys.stream(data, settings as AudienceSettings<Connection>),
        widen: (wider) => void (this.#wider = wider),
      },
      select: (audience) => this.#connections.select(audience as AudienceSettings<Connection>),
      survey: (lane, peers, data, settings) => this.#surveys.onLane(lane, peers, data, settings),
    });
    this.#connections = new Connections(this.options, platform, {
      handle: this,
      plugins: this.#plugins,
      connected: (connection, payload) => this.#connected(connection, payload),
      handshakeFailed: this.#report,
      refused: (link, { code }) => this.#traffic.refused(code, link.remote),
      ask: (connection, question) => this.ask(connection, question),
      journal: () => this.journal,
      events: this.#peerEvents(),
    });
    this.#surveys = new Surveys(this.#connections, this.options);
    this.#listening = new Listening(this.options, {
      listen,
      plugins: this.#plugins,
      connections: this.#connections,
      failed: this.#report,
      opened: (address) => void this.fire('ready', address),
      closed: () => this.closed(),
    });
  }

  /** The current clients, including those whose session waits for a link. */
  get connections(): Connection<C>[] {
    return this.#connections.listed;
  }

  /** The client with this id. */
  connection(id: string): Connection<C> | undefined {
    return this.#connections.byId(id);
  }

  /** The platform's server, while it listens on a socket. */
  get server(): NetServer | undefined {
    return this.#listening.listener?.server;
  }

  /** The port in use, for tcp and tls. */
  get port(): number | undefined {
    return this.#listening.listener?.port;
  }

  /** The address that clients connect to: a path, `host:port` or `memory:name`; while listening. */
  get address(): string | undefined {
    return this.#listening.listener?.address;
  }

  /**
   * Starts to listen. Rejects with `ERR_ADDRESS_IN_USE`, `ERR_STATE` if it was started before, `ERR_INVALID_OPTION` for
   * a takeover of anything but a unix path, `ERR_LISTEN` with the system error as cause, or `ERR_CLOSED` if the server
   * was closed before its plugins had started.
   */
  async start(settings?: StartSettings): Promise<this> {
    await this.#listening.start(startSettings(settings).takeover ?? false);
    return this;
  }

  /**
   * Closes every connection, then stops listening. By default, it finishes pending work and the clients stay away. With
   * `allowReconnect`, the clients finish what is in flight in both directions and move to the next server; nothing is
   * lost. Settles shortly after `closeTimeoutMs` at the latest.
   */
  async close(allowReconnect = false): Promise<this> {
    await this.#listening.close(this.options.closeTimeoutMs, allowReconnect);
    return this;
  }

  /** A group, which always shows its current members. Throws `ERR_INVALID_ARGUMENT` for an invalid name. */
  group(name: string): Group<C, Connection<C>> {
    return new Group(name, this, this.#connections.groups);
  }

  /**
   * Sends a message to every client, or to those that `to` and `except` select; encoded once. Connections that are
   * closing are skipped. Resolves when every client with a link has room or was dropped as slow; failures go to
   * `error`. Rejects with `ERR_INVALID_ARGUMENT` only.
   */
  broadcast(data: Sendable<Out<C, 'message'>>, settings?: AudienceSettings<Connection<C>>): Promise<void> {
    return (this.#wider ?? this.#connections).broadcast(data, settings);
  }

  /**
   * Sends a request to every client, or to those that `to` and `except` select, and resolves with all outcomes, in the
   * order of `connections` or of `to`. The default timeout is 10 s; 0 means no timeout.
   */
  survey(
    data: Sendable<Out<C, 'request'>>,
    settings?: number | SurveySettings<Connection<C>>,
  ): Promise<SurveyResult<Out<C, 'response'>>[]> {
    const answers = this.#wider?.survey(data, settings).then((all) => all.map(resultOf));
    return (answers ?? this.#surveys.all(data, settings)) as Promise<SurveyResult<Out<C, 'response'>>[]>;
  }

  /**
   * Sends a request to every client, or to those that `to` and `except` select, and yields the outcomes as they arrive.
   * When the loop ends, by `quorum`, `first` or `break`, open requests are cancelled.
   */
  surveyStream(
    data: Sendable<Out<C, 'request'>>,
    settings?: SurveyStreamSettings & AudienceSettings<Connection<C>>,
  ): AsyncGenerator<SurveyAnswer<Connection<C>, Out<C, 'response'>>, void, void> {
    const stream = this.#wider?.surveyStream(data, settings) ?? this.#surveys.stream(data, settings);
    return stream as AsyncGenerator<SurveyAnswer<Connection<C>, Out<C, 'response'>>, void, void>;
  }

  /** Pings the selected clients; resolves with the times in milliseconds, in the order of `survey`. */
  ping(data?: unknown, settings?: number | SurveySettings<Connection<C>>): Promise<SurveyResult<number>[]> {
    return this.#surveys.pings(data, settings);
  }

  /** Stops the delivery of messages and requests of all present and future clients; they wait at the clients. */
  pause(): void {
    this.#paused = true;
    for (const connection of this.#connections.all) connection.conversation.pause('server');
  }

  /** Ends `pause` and delivers what it held back, in order. */
  resume(): void {
    this.#paused = false;
    for (const connection of this.#connections.all) connection.conversation.resume('server');
  }

  /**
   * Sets the handler of requests: its result, or the value that its promise resolves with, is the answer. Its error
   * rejects the request; an error without a `code` also reaches `error` here, as `ERR_LISTENER`. `undefined` removes
   * the handler. Throws `ERR_INVALID_ARGUMENT` for anything else.
   */
  handle(handler: Handler<In<C, 'request'>, In<C, 'response'>, Connection<C>> | undefined): this {
    this.#dispatcher.handle(handler as unknown as Handler<unknown, unknown> | undefined);
    return this;
  }

  /** What was counted of all its connections, those too that went, and what waits now: plain numbers, made when asked. */
  stats(): Stats {
    const conversations = Array.from(this.#connections.all, ({ conversation }) => conversation);
    return statsOf(this.#traffic, conversations, this.options.clock, this.#plugins.stats());
  }

  /** Where it listens, how many connections it has, and its `stats()`: what is printed of it too. */
  toJSON(): object {
    return { address: this.address, connections: this.#connections.listed.length, stats: this.stats() };
  }

  /** Installs a plugin and returns its server side. Throws `ERR_PLUGIN`. */
  use<ServerApi, ClientApi>(plugin: Plugin<ServerApi, ClientApi>, options?: unknown): ServerApi {
    return this.#plugins.install(plugin, options) as ServerApi;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.#plugins.dispose();
  }

  protected override listenerFailed(event: string | symbol, error: unknown, args: readonly unknown[]): void {
    const peer = args.find((argument) => argument instanceof Connection);
    if (event === 'request') this.#dispatcher.listenerFailed(args[1], error);
    else if (event !== 'error') this.#report(error, peer);
  }

  /** @internal Whether requests are answered here. */
  protected get isAnswering(): boolean {
    return this.#dispatcher.isHandled;
  }

  /** @internal Has a request answered, whatever its origin. */
  protected dispatch<Request extends IncomingRequest>(request: Request, data: unknown): Request {
    this.#dispatcher.take(request, data, (body, respond) => this.fire('request', body, respond, request.peer));
    return request;
  }

  /** @internal The server has closed, for any reason. */
  protected closed(): void {
    this.fire('close');
  }

  /** @internal Sends a client a question of the platform. */
  protected ask(_connection: Connection, _question: unknown): Promise<unknown> {
    return Promise.reject(new BusError('ERR_PEER_LACKS_FEATURE'));
  }

  /** @internal */
  protected get journal(): ServerJournal | undefined {
    return undefined;
  }

  /** @internal As `PluginHost.acceptLink` with a time. */
  protected take(link: Link, withinMs: number): Promise<Connection<C>> {
    return this.#connections.expect(link, withinMs);
  }

  #connected(connection: Connection, payload: unknown): void {
    const { conversation } = connection;
    if (this.#paused) conversation.pause('server');
    this.#plugins.connected(connection, payload);
    if (conversation.isOver) return;
    conversation.welcome((handling) => this.fireHandled(handling, 'connect', connection, payload));
  }

  #peerEvents(): PeerEvents<Connection> {
    return {
      watchers: this.#traffic.watchers,
      messageFrom: (connection, lane, data, handling) => {
        if (lane !== '') this.#plugins.message(lane, data, connection, handling);
        else if (handling === undefined) this.fire('message', data, connection);
        else this.fireHandled(handling, 'message', data, connection);
      },
      requestFrom: (connection, request, data) => {
        if (request.lane !== '') this.#plugins.request(request, data);
        else this.#dispatcher.take(request, data, (body, respond) => this.fire('request', body, respond, connection));
      },
      ...lifeEvents({
        plugins: this.#plugins,
        traffic: this.#traffic,
        report: this.#report,
        fire: (event, ...args) => void this.fire(event, ...args),
      }),
    };
  }
}
