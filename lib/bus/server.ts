import { BusEmitter } from '#emitter';
import type { Server as NetServer } from 'node:net';
import { asBusError, BusError } from '../base/errors.ts';
import { resolveOptions } from '../base/options.ts';
import type { Link } from '../transport/link.ts';
import { type AudienceSettings, type StartSettings, startSettings, type SurveySettings } from './call-settings.ts';
import { Connection, type ServerHandle } from './connection.ts';
import { Connections } from './connections.ts';
import type { Contract, Sendable, ToClient as Out, ToServer as In } from './contract.ts';
import { Group } from './group.ts';
import type { IncomingRequest } from './incoming.ts';
import { Listening } from './listening.ts';
import { type ResolvedServerOptions, type ServerOptions, serverOptions } from './options.ts';
import type { ServerJournal } from './durable.ts';
import type { ServerPlatform } from './platform.ts';
import type { PeerEvents } from './events.ts';
import type { PeerHandle, Plugin, PluginHost, WiderAudience } from './plugin.ts';
import { Plugins } from './plugins.ts';
import { type Handler, RequestDispatcher } from './request-dispatcher.ts';
import type { ServerEvents } from './server-events.ts';
import { Surveys } from './survey.ts';
import { resultOf, type SurveyAnswer, type SurveyResult, type SurveyStreamSettings } from './survey-answer.ts';

/** Many clients' other end: accepts links, admits clients, and speaks to one or all of them. */
export class Server<C extends Contract = Contract> extends BusEmitter<ServerEvents<C>> implements ServerHandle {
  /** The options in force, defaults included. */
  readonly options: ResolvedServerOptions;
  readonly #connections: Connections;
  readonly #surveys: Surveys;
  readonly #dispatcher: RequestDispatcher;
  readonly #plugins: Plugins;
  readonly #listening: Listening;
  #paused = false;
  /** Where its clients are some among others. */
  #wider: WiderAudience | undefined;

  /**
   * `extended`: by a class that may have options of its own among these.
   * @throws BusError `ERR_INVALID_OPTION`, or `ERR_TOO_LARGE` for a path.
   */
  constructor(options: ServerOptions<C> | undefined, platform: ServerPlatform, extended: boolean) {
    super();
    this.options = resolveOptions('Server', serverOptions, options, extended ? 'ignored' : 'refused');
    const listen = platform.listener(this.options);
    const { clock, random, tls } = this.options;
    this.#dispatcher = new RequestDispatcher(
      () => this.listenerCount('request') > 0,
      (error, peer) => this.#report(error, peer),
    );
    this.#plugins = new Plugins({
      side: 'server',
      clock,
      random,
      tls: typeof tls === 'object' ? tls : this.options.options,
      peers: () => this.#connections.all,
      started: () => this.#listening.isOn,
      conversationWith: (handle) => this.#connections.conversationWith(handle),
      report: (error, peer) => this.#report(error, peer),
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
      handshakeFailed: (error) => this.#report(error),
      ask: (connection, question) => this.ask(connection, question),
      journal: () => this.journal,
      events: this.#peerEvents(),
    });
    this.#surveys = new Surveys(this.#connections, this.options);
    this.#listening = new Listening(this.options, {
      listen,
      plugins: this.#plugins,
      connections: this.#connections,
      failed: (error) => this.#report(error),
      opened: (address) => void this.fire('ready', address),
      closed: () => this.closed(),
    });
  }

  /** The clients now, among them those whose session waits for a link. */
  get connections(): Connection<C>[] {
    return this.#connections.listed;
  }

  /** The client with this id. */
  connection(id: string): Connection<C> | undefined {
    return this.#connections.byId(id);
  }

  /** The platform's server, while listening on a socket. */
  get server(): NetServer | undefined {
    return this.#listening.listener?.server;
  }

  /** The port in use, for tcp and tls. */
  get port(): number | undefined {
    return this.#listening.listener?.port;
  }

  /** Where clients connect to: a path, `host:port` or `memory:name`; while listening. */
  get address(): string | undefined {
    return this.#listening.listener?.address;
  }

  /**
   * Starts to listen. Rejects `ERR_ADDRESS_IN_USE`, `ERR_STATE` when started before, `ERR_INVALID_OPTION` for a takeover
   * of anything but a unix path, `ERR_LISTEN` with the system's error as cause, or `ERR_CLOSED` when the server was closed
   * before its plugins had started.
   */
  async start(settings?: StartSettings): Promise<this> {
    const { takeover = false } = startSettings(settings);
    await this.#listening.start(takeover);
    return this;
  }

  /**
   * Closes every connection, then stops listening. Plain, what is owed is finished; with `allowReconnect` the clients
   * are asked to finish what is in flight both ways and to come back, with nothing lost. Settles within
   * `closeTimeoutMs` and a moment.
   */
  async close(allowReconnect = false): Promise<this> {
    await this.#listening.close(this.options.closeTimeoutMs, allowReconnect);
    return this;
  }

  /** The clients that have joined it, as they are whenever it is asked. Throws `ERR_INVALID_ARGUMENT` for what is no name. */
  group(name: string): Group<C, Connection<C>> {
    return new Group(name, this, this.#connections.groups);
  }

  /**
   * Sends a message to every client, or to those that `to` and `except` mean, encoded once; connections that are closing
   * are passed over. Resolves when every client with a link has room or was given up as slow; what fails goes to `error`.
   * Rejects `ERR_INVALID_ARGUMENT` alone.
   */
  broadcast(data: Sendable<Out<C, 'message'>>, settings?: AudienceSettings<Connection<C>>): Promise<void> {
    return (this.#wider ?? this.#connections).broadcast(data, settings);
  }

  /**
   * Asks every client, or those that `to` and `except` mean, and resolves all their answers, in the order of
   * `connections` or of `to`. By default 10 s; 0 means no timeout.
   */
  survey(
    data: Sendable<Out<C, 'request'>>,
    settings?: number | SurveySettings<Connection<C>>,
  ): Promise<SurveyResult<Out<C, 'response'>>[]> {
    const answers = this.#wider?.survey(data, settings).then((all) => all.map(resultOf));
    return (answers ?? this.#surveys.all(data, settings)) as Promise<SurveyResult<Out<C, 'response'>>[]>;
  }

  /**
   * Asks every client connected now, or those meant, and yields the answers as they come; what is open when the loop
   * ends, by `quorum`, `first` or `break`, is cancelled.
   */
  surveyStream(
    data: Sendable<Out<C, 'request'>>,
    settings?: SurveyStreamSettings & AudienceSettings<Connection<C>>,
  ): AsyncGenerator<SurveyAnswer<Connection<C>, Out<C, 'response'>>, void, void> {
    const stream = this.#wider?.surveyStream(data, settings) ?? this.#surveys.stream(data, settings);
    return stream as AsyncGenerator<SurveyAnswer<Connection<C>, Out<C, 'response'>>, void, void>;
  }

  /** Pings every client, or those meant; resolves the outcomes with their milliseconds, in the order of `survey`. */
  ping(data?: unknown, settings?: number | SurveySettings<Connection<C>>): Promise<SurveyResult<number>[]> {
    return this.#surveys.pings(data, settings);
  }

  /** Stops messages and requests of all clients, present and to come, from arriving; they wait at the clients. */
  pause(): void {
    this.#paused = true;
    for (const connection of this.#connections.all) connection.conversation.pause('server');
  }

  /** Takes up what `pause` held back, in order. */
  resume(): void {
    this.#paused = false;
    for (const connection of this.#connections.all) connection.conversation.resume('server');
  }

  /**
   * Answers requests with what `handler` returns or resolves to; its error becomes the requester's, and one without a
   * `code` reaches `error` here too, as `ERR_LISTENER`. Throws `ERR_INVALID_ARGUMENT` for anything but a function or
   * `undefined`, which takes the handler away.
   */
  handle(handler: Handler<In<C, 'request'>, In<C, 'response'>, Connection<C>> | undefined): this {
    this.#dispatcher.handle(handler as unknown as Handler<unknown, unknown> | undefined);
    return this;
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

  /** @internal Whether somebody answers requests. */
  protected get isAnswering(): boolean {
    return this.#dispatcher.isHandled;
  }

  /** @internal Has a request answered, wherever it came from. */
  protected dispatch<Request extends IncomingRequest>(request: Request, data: unknown): Request {
    this.#dispatcher.take(request, data, (body, respond) => this.fire('request', body, respond, request.peer));
    return request;
  }

  /** @internal It is closed, whoever closed it. */
  protected closed(): void {
    this.fire('close');
  }

  /** @internal Has a client answer what the platform asks about it. */
  protected ask(_connection: Connection, _question: unknown): Promise<unknown> {
    return Promise.reject(new BusError('ERR_PEER_LACKS_FEATURE'));
  }

  /** @internal */
  protected get journal(): ServerJournal | undefined {
    return undefined;
  }

  /**
   * @internal Takes a link that was made here, and resolves the connection of the client that comes on it, once its
   * `connect` was told. Rejects with what kept it from coming.
   */
  protected take(link: Link, withinMs: number): Promise<Connection<C>> {
    return new Promise((resolve, reject) => {
      this.#connections.expect(link, {
        withinMs,
        came: (connection) => resolve(connection),
        failed: reject,
      });
    });
  }

  #connected(connection: Connection, payload: unknown): void {
    if (this.#paused) connection.conversation.pause('server');
    this.#plugins.connected(connection, payload);
    const { conversation } = connection;
    if (!conversation.isOver) {
      conversation.welcome((handling) => this.fireHandled(handling, 'connect', connection, payload));
    }
  }

  #peerEvents(): PeerEvents<Connection> {
    return {
      messageFrom: (connection, lane, data, handling) => {
        if (lane !== '') this.#plugins.message(lane, data, connection, handling);
        else if (handling === undefined) this.fire('message', data, connection);
        else this.fireHandled(handling, 'message', data, connection);
      },
      requestFrom: (connection, request, data) => {
        if (request.lane !== '') this.#plugins.request(request, data);
        else this.#dispatcher.take(request, data, (body, respond) => this.fire('request', body, respond, connection));
      },
      errorOf: (connection, error) => this.#report(error, connection),
      linkChanged: (connection, up) => this.#plugins.linkChanged(connection, up),
      linkSeen: (connection, up) => {
        connection.tell('link', up);
        this.fire('link', connection, up);
      },
      slow: (connection, info) => {
        connection.tell('slow', info);
        this.fire('slow', info);
      },
      undelivered: (connection, messages) => connection.tell('undelivered', messages),
      sessionOver: (connection, reason) => {
        this.#plugins.disconnected(connection, reason);
        this.fire('disconnect', connection, reason);
      },
    };
  }

  #report(error: unknown, peer?: PeerHandle): void {
    this.fire('error', asBusError(error, 'ERR_LISTENER'), peer);
  }
}
