import { Client, type ClientOptions, type Connection, Server, type ServerOptions } from '../../lib/index.ts';
import { MemoryFaults, MemoryNetwork } from '../../lib/testing/index.ts';
import { eager, sleep } from './buses.ts';

export type Fails = () => never;

/** A server and a client that note what comes as `error`, in the order it comes. */
export class World {
  readonly fails: Fails;
  readonly bug: unknown;
  readonly faults = new MemoryFaults({ random: eager });
  readonly reports: [end: string, code: string, isCause: boolean, peer: string][] = [];
  readonly #network = new MemoryNetwork({ faults: this.faults });
  readonly #ends: { close(): Promise<unknown> }[] = [];
  server!: Server;
  client!: Client;

  constructor(fails: Fails, bug: unknown) {
    this.fails = fails;
    this.bug = bug;
  }

  get connection(): Connection {
    return this.server.connections[0]!;
  }

  newServer(options: ServerOptions = {}): Server {
    const server = new Server({ url: 'memory:bugs', network: this.#network, ...options });
    server.on('error', ({ code, cause }, peer) => {
      const known = peer === undefined ? 'nobody' : 'the peer';
      this.reports.push(['server', code, cause === this.bug, known]);
    });
    this.server = server;
    this.#ends.push(server);
    return server;
  }

  newClient(options: ClientOptions = {}): Client {
    const client = new Client({ url: 'memory:bugs', network: this.#network, random: eager, retries: 0, ...options });
    client.on('error', ({ code, cause }) => {
      if (code !== 'ERR_CONNECT' && code !== 'ERR_UNAVAILABLE')
        this.reports.push(['client', code, cause === this.bug, 'nobody']);
    });
    this.client = client;
    this.#ends.push(client);
    return client;
  }

  async open(): Promise<void> {
    await this.server.start();
    await this.client.connect();
  }

  /** A server and a client with the plugins given, connected. */
  async with(
    serverOptions: ServerOptions = {},
    clientOptions: ClientOptions = {},
    prepare?: (server: Server, client: Client) => void,
  ): Promise<this> {
    const server = this.newServer(serverOptions);
    const client = this.newClient(clientOptions);
    prepare?.(server, client);
    await this.open();
    return this;
  }

  async end(): Promise<void> {
    for (const end of this.#ends.reverse()) await end.close();
  }
}

export interface Row {
  /** Which end hears of it, and whether it is told whose doing it was. */
  readonly at: 'server' | 'client';
  readonly peer?: true;
  /** Where a promise makes no sense. */
  readonly throwsOnly?: true;
  run(world: World): Promise<unknown>;
}

/** Waits for a report, a few seconds at most. */
export async function reported({ reports }: World): Promise<void> {
  for (const end = Date.now() + 5_000; reports.length === 0 && Date.now() < end; ) await sleep(2);
}

export const ignore = (promise: Promise<unknown>): Promise<unknown> => promise.catch(() => undefined);

export interface Methods {
  work(callback?: () => unknown): Promise<AsyncIterable<unknown>>;
}

export const netIpc = { native: false };
