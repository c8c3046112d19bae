import { BusError } from '../base/errors.ts';
import type { Watchers } from '../session/traffic.ts';
import { startChild } from '../transport/child.ts';
import { startThread } from '../transport/thread.ts';
import type { AudienceSettings, StartSettings } from './call-settings.ts';
import type { Contract, Sendable, ToClient, ToServer, Untyped } from './contract.ts';
import { type AskClient, asksClients } from './credentials-lane.ts';
import type {
  Consume,
  ConsumeContext,
  ConsumeSettings,
  DurableConsumer,
  DurableDeadLetters,
  PeerBacklog,
  ServerJournal,
} from './durable.ts';
import { type InspectOption, withoutInspect } from './inspect/inspect-option.ts';
import { Lookers } from './inspect/lookers.ts';
import { type JournalOptions, withoutJournal } from './journal-options.ts';
import { nodeServerPlatform } from './node-platform.ts';
import { type ObservingOptions, withoutObserving } from './observing-options.ts';
import type { ServerOptions } from './options.ts';
import type { PeerHandle } from './plugin.ts';
import { Estate } from './process/estate.ts';
import {
  readyConnection,
  readySettings,
  type Spawned,
  type SpawnSettings,
  type Threaded,
  type ThreadSettings,
} from './process/offspring.ts';
import { DurableRequest } from './requests/durable-requests.ts';
import { Connection as PortableConnection } from './server/connection.ts';
import { Server as PortableServer } from './server/server.ts';

/** Options of `new Server` in Node. */
export type NodeServerOptions<C extends Contract = Untyped> = ServerOptions<C> &
  JournalOptions &
  ObservingOptions &
  InspectOption;

/** A `Server` over unix sockets, pipes, TCP, TLS and memory, and of processes and threads that it starts. */
export class Server<C extends Contract = Untyped> extends PortableServer<C> {
  readonly #estate: Estate;
  readonly #askClient: AskClient;
  readonly #journal: ServerJournal | undefined;
  readonly #watchers: Watchers<PeerHandle>;

  constructor(options?: NodeServerOptions<C>) {
    const { others: seen, inspect } = withoutInspect<ServerOptions<C> & JournalOptions & ObservingOptions>(options);
    const estate = new Estate(nodeServerPlatform);
    const lookers = new Lookers(inspect, estate.platform);
    const {
      others: given,
      watchers,
      log,
    } = withoutObserving<ServerOptions<C> & JournalOptions>(seen, new.target !== Server, lookers.nameOf);
    const { others, journal } = withoutJournal<ServerOptions<C>>(given);
    super(others, { ...lookers.platform, watchers }, new.target !== Server);
    this.#watchers = watchers;
    this.#estate = estate;
    this.#askClient = this.use(asksClients);
    this.use(lookers.of(this, watchers.operations));
    if (log !== undefined) this.use(log.plugin);
    this.#journal =
      journal &&
      this.use(
        journal.server({
          isHeard: (peer) =>
            this.listenerCount('message') > 0 ||
            (peer instanceof PortableConnection && peer.conversation.loops?.hasLoop === true),
          hear: (handling, data, bytes, peer, context) => {
            this.fireHandled(handling, 'message', data, peer, context);
            if (peer instanceof PortableConnection) peer.conversation.loops?.push(data, bytes, handling);
          },
          died: (letter, peer) => {
            if (peer instanceof PortableConnection) peer.tell('deadLetter', letter);
            this.fire('deadLetter', letter);
          },
          mayAsk: () => this.isAnswering,
          ask: (data, peer, about) => this.dispatch(new DurableRequest(peer, about), data).answer,
          closeTimeoutMs: this.options.closeTimeoutMs,
          maxMessageBytes: this.options.maxMessageBytes,
        }),
      );
  }

  override broadcast(
    data: Sendable<ToClient<C, 'message'>>,
    settings?: AudienceSettings<Connection<C>>,
  ): Promise<void> {
    const { operations } = this.#watchers;
    const task = (): Promise<void> => super.broadcast(data, settings);
    return operations?.followsSends === true ? operations.send({ peer: undefined, lane: '', data }, task) : task();
  }

  /**
   * Durable messages for clients that do not have them and may never come back. They are removed after `peerTtlMs` of
   * `journal()`, or by `forget`. Rejects as `Client.backlog`.
   */
  async backlog(): Promise<PeerBacklog[]> {
    return this.#journaled.backlog();
  }

  /**
   * Drops all waiting messages for the client with this journal id, and resolves with their number. Sends that wait for
   * the client reject with `ERR_CLOSED`. Rejects as `backlog`.
   */
  async forget(journal: string): Promise<number> {
    return this.#journaled.forget(journal);
  }

  /** The durable messages of clients, and to them, that failed finally. Throws `ERR_STATE` without a journal. */
  get deadLetters(): DurableDeadLetters {
    return this.#journaled.receipts.deadLetters;
  }

  /**
   * Makes `handler` handle all durable messages, instead of listeners; one at a time by default, or `concurrency`. A
   * message is done when the promise of the handler has resolved. If it fails, it is tried again after growing delays,
   * while other messages of its key wait, and goes to `deadLetters` after `maxAttempts`. `close()` waits for running
   * handlers, up to `closeTimeoutMs`.
   * @throws BusError `ERR_STATE` without a journal or if there is a consumer already, `ERR_INVALID_ARGUMENT`,
   * `ERR_INVALID_OPTION`.
   */
  consume(
    handler: (
      message: ToServer<C, 'message'>,
      connection: Connection<C> | undefined,
      context: ConsumeContext,
    ) => unknown,
    settings?: ConsumeSettings<ToServer<C, 'message'>>,
  ): DurableConsumer {
    return this.#journaled.receipts.consume(handler as Consume, settings);
  }

  /**
   * Starts a process with a link to this server: `new Client({ url: 'parent:' })` in it connects, even if this server
   * was not started. A `.js`, `.mjs`, `.cjs`, `.ts`, `.mts` or `.cts` file, or a `file:` URL, runs in
   * `process.execPath` with `execArgv`; anything else is a command. Resolves when its client has connected. Rejects
   * with `ERR_SPAWN` if the file does not exist, the process ends, or it has no client within `readyTimeoutMs`, and
   * then ends the process; and with `ERR_INVALID_OPTION`.
   */
  async spawn(file: string | URL, args: readonly string[] = [], settings: SpawnSettings = {}): Promise<Spawned<C>> {
    const { clock } = this.options;
    const { options, readyTimeoutMs } = readySettings(file, settings);
    const child = startChild(file, args, options, clock);
    const connection = await readyConnection(child, String(file), clock, (link) => this.take(link, readyTimeoutMs));
    return { child: child.child, connection };
  }

  /**
   * Starts a thread with a link to this server, as `spawn` starts a process. A relative path is relative to the working
   * directory. Rejects as `spawn` does, and then ends the thread.
   */
  async thread(file: string | URL, settings: ThreadSettings = {}): Promise<Threaded<C>> {
    const { clock } = this.options;
    const { options, readyTimeoutMs } = readySettings(file, settings);
    const thread = startThread(file, options, clock);
    const name = options.name ?? (options.eval === true ? 'the thread' : String(file));
    const connection = await readyConnection(thread, name, clock, (link) => this.take(link, readyTimeoutMs));
    return { worker: thread.worker, connection };
  }

  /**
   * Sets the state that a successor gets if it takes over with `start({ takeover: true })`: the result of `give` is its
   * `inherited`. Call it before `start()`, on a server at a socket path. The state travels like a message, up to 16
   * MiB. The successor runs as the user of this process or as root: nobody else can connect to `<path>.state`, where it
   * asks. `give` has `handshakeTimeoutMs`; if it fails, the successor does not start, and this server continues.
   * @throws BusError `ERR_STATE` at another address, `ERR_TOO_LARGE` if the path leaves no room,
   * `ERR_INVALID_ARGUMENT`.
   */
  onTakeover(give: () => unknown): this {
    if (typeof give !== 'function') throw new BusError('ERR_INVALID_ARGUMENT', 'onTakeover needs a function');
    this.#estate.leave(give);
    return this;
  }

  /**
   * The state that the server that was taken over gave, after `start({ takeover: true })` has resolved. Undefined if
   * there was no server at the path, or none of this user or root that gives state.
   */
  get inherited(): unknown {
    return this.#estate.inherited;
  }

  override async start(settings?: StartSettings): Promise<this> {
    if (settings?.takeover === true) this.#journal?.receipts.takeOver();
    return super.start(settings);
  }

  override async close(allowReconnect?: boolean): Promise<this> {
    if (allowReconnect === true) this.#journal?.receipts.leave();
    await super.close(allowReconnect);
    await this.#journal?.close();
    return this;
  }

  override pause(): void {
    super.pause();
    this.#journal?.receipts.pause();
  }

  override resume(): void {
    super.resume();
    this.#journal?.receipts.resume();
  }

  protected override listenerComes(event: string | symbol): void {
    // It is there when this turn is over.
    if (event === 'message' || event === 'request') queueMicrotask(() => this.#journal?.receipts.listen());
  }

  override handle(handler: Parameters<PortableServer<C>['handle']>[0]): this {
    super.handle(handler);
    this.#journal?.receipts.listen();
    return this;
  }

  protected override closed(): void {
    void this.#journal?.close();
    super.closed();
  }

  get #journaled(): ServerJournal {
    if (this.#journal === undefined) throw new BusError('ERR_STATE', 'The server has no journal');
    return this.#journal;
  }

  protected override ask(connection: PortableConnection, question: unknown): Promise<unknown> {
    return this.#askClient(connection, question, this.options.handshakeTimeoutMs);
  }

  protected override get journal(): ServerJournal | undefined {
    return this.#journal;
  }
}

/** A client at its `Server`. */
export const Connection = PortableConnection;
export type Connection<C extends Contract = Untyped> = PortableConnection<C>;
