import process from 'node:process';
import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import { systemClock } from '../base/system-clock.ts';
import type { SessionDialect } from '../session/dialect.ts';
import { resolveAddress } from '../transport/address.ts';
import { dialer } from '../transport/dial.ts';
import { listen } from '../transport/listen.ts';
import { MemoryNetwork } from '../transport/memory.ts';
import { checkCredentials } from '../transport/net-listener.ts';
import { isContractValue, OwnContracts } from '../wire/contracts.ts';
import { createDeflater, createInflater } from '../wire/fast-zlib.ts';
import { NetIpcDecoder } from '../wire/net-ipc/net-ipc-decoder.ts';
import { NetIpcEncoder } from '../wire/net-ipc/net-ipc-encoder.ts';
import { Slab } from '../base/slab.ts';
import { Client as PortableClient } from './client.ts';
import { Connection as PortableConnection } from './connection.ts';
import type { Contract, Sendable, ToClient, ToServer, Untyped } from './contract.ts';
import {
  type ClientJournal,
  type Consume,
  type ConsumeContext,
  type ConsumeSettings,
  type DurableBacklog,
  type DurableConsumer,
  type DurableDeadLetters,
  type DurableReceipts,
  type PeerBacklog,
  sendBy,
  type ServerJournal,
} from './durable.ts';
import { type JournalOptions, withoutJournal } from './journal-options.ts';
import { linuxProcesses } from '../base/process-table.ts';
import { ProcessWatch } from './process-watch.ts';
import type { SendSettings, StartSettings } from './call-settings.ts';
import type { ClientOptions, ServerOptions } from './options.ts';
import type { ClientPlatform, Platform, ServerPlatform } from './platform.ts';
import { Server as PortableServer } from './server.ts';

/** One for all clients and servers here, so that one look serves all who lost their links to one process. */
const ownWatch = new ProcessWatch(systemClock, linuxProcesses);
const watchOf = (clock: Clock): ProcessWatch =>
  clock === systemClock ? ownWatch : new ProcessWatch(clock, linuxProcesses);

const platform: Platform = {
  compression: { deflater: () => createDeflater(), inflater: createInflater },
  netIpcDialect({ messagepack, deflater, inflater, contracts }, { maxMessageBytes, maxDepth }): SessionDialect {
    const slab = new Slab();
    return {
      reliable: false,
      handles: false,
      slab,
      encoder: new NetIpcEncoder({ slab, messagepack, deflater, contracts, maxFrameBytes: maxMessageBytes }),
      decoder: new NetIpcDecoder({ messagepack, inflater, maxFrameBytes: maxMessageBytes, maxDepth }),
    };
  },
  contracts: ({ contracts, maxDepth }) =>
    contracts &&
    new OwnContracts(
      contracts.map(({ codec }) => codec),
      maxDepth,
    ),
  ...(process.platform === 'linux' && { processes: watchOf }),
};

const networkOf = (network: object | undefined): MemoryNetwork | undefined =>
  network instanceof MemoryNetwork ? network : undefined;

export const nodeClientPlatform: ClientPlatform = {
  ...platform,
  dialer(options) {
    const address = resolveAddress(options);
    const { clock } = options;
    const dial = dialer(address, {
      options: options.options,
      tls: options.tls,
      clock,
      network: networkOf(options.network),
    });
    return { dial, host: 'host' in address ? `${address.host}:${address.port}` : 'localhost' };
  },
};

export const nodeServerPlatform: ServerPlatform = {
  ...platform,
  listener(options) {
    const address = resolveAddress(options);
    const { tls, clock, listenOptions, handshakeTimeoutMs, maxUnauthorized } = options;
    const settings = {
      options: options.options,
      tls,
      clock,
      network: networkOf(options.network),
      listenOptions,
      handshakeTimeoutMs,
      maxHandshakes: maxUnauthorized,
    };
    checkCredentials(address, settings);
    return (takeover, events) => listen(address, { ...settings, takeover }, events);
  },
};

/** What `new Client` takes in Node. */
export type NodeClientOptions = ClientOptions & JournalOptions;
/** What `new Server` takes in Node. */
export type NodeServerOptions<C extends Contract = Untyped> = ServerOptions<C> & JournalOptions;

/** A `Client` over unix sockets, pipes, TCP, TLS and memory. */
export class Client<C extends Contract = Untyped> extends PortableClient<C> {
  readonly #journal: ClientJournal | undefined;

  constructor(options?: NodeClientOptions) {
    const { others, journal } = withoutJournal<ClientOptions>(options);
    super(others, nodeClientPlatform, new.target !== Client);
    this.#journal =
      journal &&
      this.use(
        journal.client(
          {
            send: (data, settings) => super.send(data as never, settings),
            valueOf: (data) => (isContractValue(data) ? data.value : data),
            flush: () => this.flush(),
          },
          {
            isHeard: () => this.listenerCount('message') > 0,
            hear: (handling, data, _server, context) => this.fireHandled(handling, 'message', data, context),
            died: (letter) => void this.fire('deadLetter', letter),
            closeTimeoutMs: this.options.closeTimeoutMs,
          },
        ),
      );
  }

  /** The durable messages of the server that failed for good. Throws `ERR_STATE` without a journal. */
  get deadLetters(): DurableDeadLetters {
    return this.#receipts.deadLetters;
  }

  /** As `Server.consume`, for what the server sends. */
  consume(
    handler: (message: ToClient<C, 'message'>, context: ConsumeContext) => unknown,
    settings?: ConsumeSettings<ToClient<C, 'message'>>,
  ): DurableConsumer {
    const handle: Consume = (message, _server, context) => handler(message as ToClient<C, 'message'>, context);
    return this.#receipts.consume(typeof handler === 'function' ? handle : handler, settings);
  }

  override get delivery(): 'legacy' | 'session' | 'journal' {
    return this.#journal?.reachesJournal === true ? 'journal' : super.delivery;
  }

  override send(data: Sendable<ToServer<C, 'message'>>, settings?: SendSettings): Promise<void> {
    return this.#journal === undefined ? super.send(data, settings) : sendBy(this.#journal, data, settings);
  }

  /** The durable messages that the server has not. Rejects what opening the journal fails with, `ERR_STATE` without one. */
  async backlog(): Promise<DurableBacklog> {
    if (this.#journal === undefined) throw new BusError('ERR_STATE', 'The client has no journal');
    return this.#journal.backlog();
  }

  override async close(reason?: unknown): Promise<boolean> {
    const wasOpen = await super.close(reason);
    await this.#journal?.close();
    return wasOpen;
  }

  override pause(): void {
    super.pause();
    this.#journal?.pause();
  }

  override resume(): void {
    super.resume();
    this.#journal?.resume();
  }

  override destroy(reason?: unknown): boolean {
    const wasOpen = super.destroy(reason);
    void this.#journal?.close();
    return wasOpen;
  }

  protected override listenerComes(event: string | symbol): void {
    // It is there when this turn is over.
    if (event === 'message') queueMicrotask(() => this.#journal?.listen());
  }

  get #receipts(): DurableReceipts {
    if (this.#journal === undefined) throw new BusError('ERR_STATE', 'The client has no journal');
    return this.#journal;
  }
}

/** A `Server` over unix sockets, pipes, TCP, TLS and memory. */
export class Server<C extends Contract = Untyped> extends PortableServer<C> {
  readonly #journal: ServerJournal | undefined;

  constructor(options?: NodeServerOptions<C>) {
    const { others, journal } = withoutJournal<ServerOptions<C>>(options);
    super(others, nodeServerPlatform, new.target !== Server);
    this.#journal =
      journal &&
      this.use(
        journal.server({
          isHeard: () => this.listenerCount('message') > 0,
          hear: (handling, ...heard) => this.fireHandled(handling, 'message', ...heard),
          died: (letter) => void this.fire('deadLetter', letter),
          closeTimeoutMs: this.options.closeTimeoutMs,
        }),
      );
  }

  /**
   * What was sent durably to clients that do not have it, and may never come back: goes after `peerTtlMs` of `journal()`, or
   * with `forget`. Rejects as `Client.backlog`.
   */
  async backlog(): Promise<PeerBacklog[]> {
    return this.#journaled.backlog();
  }

  /**
   * Gives up all that waits for a client, by the id of its journal, and resolves how many messages that were. Who waits for
   * the client to have one gets `ERR_CLOSED`. Rejects as `backlog`.
   */
  async forget(journal: string): Promise<number> {
    return this.#journaled.forget(journal);
  }

  /** The durable messages that failed for good. Throws `ERR_STATE` without a journal. */
  get deadLetters(): DurableDeadLetters {
    return this.#journaled.deadLetters;
  }

  /**
   * Has `handler` handle all durable messages, and listeners none; one at a time unless `concurrency` says more. A message is
   * done when what the handler returned has resolved. One that it fails with is tried again after waits that grow, while others
   * of its key wait, and goes to `deadLetters` after `maxAttempts`. `close()` waits for what it has, for `closeTimeoutMs`.
   * @throws BusError `ERR_STATE` without a journal and where there is a consumer already, `ERR_INVALID_ARGUMENT`,
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
    return this.#journaled.consume(handler as Consume, settings);
  }

  override async start(settings?: StartSettings): Promise<this> {
    if (settings?.takeover === true) this.#journal?.takeOver();
    return super.start(settings);
  }

  override async close(allowReconnect?: boolean): Promise<this> {
    await super.close(allowReconnect);
    await this.#journal?.close();
    return this;
  }

  override pause(): void {
    super.pause();
    this.#journal?.pause();
  }

  override resume(): void {
    super.resume();
    this.#journal?.resume();
  }

  protected override listenerComes(event: string | symbol): void {
    // It is there when this turn is over.
    if (event === 'message') queueMicrotask(() => this.#journal?.listen());
  }

  protected override closed(): void {
    void this.#journal?.close();
    super.closed();
  }

  get #journaled(): ServerJournal {
    if (this.#journal === undefined) throw new BusError('ERR_STATE', 'The server has no journal');
    return this.#journal;
  }

  protected override get journal(): ServerJournal | undefined {
    return this.#journal;
  }
}

/** A client as its `Server` holds it. */
export const Connection = PortableConnection;
export type Connection<C extends Contract = Untyped> = PortableConnection<C>;
