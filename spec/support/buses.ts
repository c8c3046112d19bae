import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe } from 'mocha';
import {
  type BusError,
  Client,
  type ClientOptions,
  type Connection,
  Server,
  type ServerOptions,
} from '../../lib/index.ts';
import { MemoryFaults, type MemoryNetwork } from '../../lib/testing/index.ts';
import { certificate } from './certificate.ts';
import { childPair, type MakePair, PairNetwork, workerPair } from './pair-network.ts';
import { PoisonedNetwork } from './poisoned-network.ts';

export const kinds = ['memory', 'unix', 'tcp', 'tls', 'child', 'worker'] as const;
export type Kind = (typeof kinds)[number];

export interface Dialect {
  readonly name: string;
  readonly tier: 'session' | 'legacy';
  readonly codec: 'JSON' | 'MessagePack';
  readonly client: ClientOptions;
}

export const native: Dialect = { name: 'native', tier: 'session', codec: 'MessagePack', client: {} };
export const json: Dialect = { name: 'net-ipc JSON', tier: 'legacy', codec: 'JSON', client: { native: false } };
export const dialects: readonly Dialect[] = [
  native,
  { name: 'native, deflate', tier: 'session', codec: 'MessagePack', client: { compress: true } },
  json,
  { name: 'net-ipc MessagePack', tier: 'legacy', codec: 'MessagePack', client: { native: false, messagepack: true } },
  { name: 'net-ipc JSON, deflate', tier: 'legacy', codec: 'JSON', client: { native: false, compress: true } },
  {
    name: 'net-ipc MessagePack, deflate',
    tier: 'legacy',
    codec: 'MessagePack',
    client: { native: false, messagepack: true, compress: true },
  },
];

/** Those whose links are made in pairs, and how; none of them has a listening socket of the platform's. */
const pairs: Partial<Record<Kind, MakePair>> = { child: childPair, worker: workerPair };

/** Those that listen on a socket of the platform's. */
export const hasListener = (kind: Kind): boolean => kind !== 'memory' && pairs[kind] === undefined;
/** Those whose links are sockets of the platform's. */
export const hasSocket = (kind: Kind): boolean => kind !== 'memory' && kind !== 'worker';

interface Emitter {
  once(event: never, listener: (...args: never[]) => void): unknown;
}

/** The arguments of the next `event`. */
export function next(emitter: Emitter, event: string): Promise<unknown[]> {
  return new Promise((resolve) => emitter.once(event as never, (...args: unknown[]) => resolve(args)));
}

/** What `promise` rejects with; fails if it resolves. */
export async function rejected(promise: Promise<unknown>): Promise<BusError> {
  try {
    await promise;
  } catch (error) {
    return error as BusError;
  }
  throw new Error('the promise resolved');
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits for `condition`: turn by turn for a while, then every other millisecond; 15 seconds at most. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string) = condition.toString(),
): Promise<void> {
  const startedAt = Date.now();
  for (let waited = 0; !(await condition()); waited = Date.now() - startedAt) {
    if (waited > 15_000) throw new Error(`waited too long for ${typeof what === 'string' ? what : what()}`);
    await (waited < 50 ? turn() : sleep(2));
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** No jitter: each wait before another attempt takes the shortest time there is. */
export const eager = { unit: () => 0, bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };

/** What a client reports of an attempt to connect that another one follows. */
const failedAttempt: ReadonlySet<string> = new Set(['ERR_CONNECT', 'ERR_SERVER_FULL', 'ERR_CLOSED']);

let names = 0;

/** A server's address of one kind, with all servers and clients that a spec makes there; `close` ends them. */
export class Bus {
  readonly kind: Kind;
  readonly dialect: Dialect;
  /** What came as `error`, to be looked at by the spec; one that nobody took fails it. */
  errors: BusError[] = [];
  readonly faults = new MemoryFaults({ random: eager });
  readonly #network: MemoryNetwork;
  readonly #name = `spec-${++names}`;
  #folder: string | undefined;
  #port = 0;
  readonly #servers: Server[] = [];
  readonly #clients: Client[] = [];

  constructor(kind: Kind, dialect: Dialect) {
    this.kind = kind;
    this.dialect = dialect;
    const make = pairs[kind];
    this.#network = make === undefined ? new PoisonedNetwork({ faults: this.faults }) : new PairNetwork(make);
  }

  get path(): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'bb-'));
    return join(this.#folder, 's');
  }

  get port(): number {
    return this.#port;
  }

  get serverAddress(): ServerOptions {
    switch (this.kind) {
      case 'memory':
      case 'child':
      case 'worker':
        return { url: `memory:${this.#name}`, network: this.#network };
      case 'unix':
        return { path: this.path };
      case 'tcp':
        return { port: this.#port };
      case 'tls':
        return { port: this.#port, tls: certificate };
    }
  }

  get clientAddress(): ClientOptions {
    switch (this.kind) {
      case 'memory':
      case 'child':
      case 'worker':
        return { url: `memory:${this.#name}`, network: this.#network };
      case 'unix':
        return { path: this.path };
      case 'tcp':
        return { port: this.#port };
      case 'tls':
        return { port: this.#port, tls: { ca: certificate.cert, servername: 'localhost' } };
    }
  }

  newServer(options: ServerOptions = {}): Server {
    const server = new Server({ ...this.serverAddress, closeTimeoutMs: 1_000, ...options });
    server.on('error', (error) => this.errors.push(error));
    this.#servers.push(server);
    return server;
  }

  /** Those made so far. */
  get servers(): readonly Server[] {
    return this.#servers;
  }

  async server(options: ServerOptions = {}): Promise<Server> {
    const server = await this.newServer(options).start();
    this.#port = server.port ?? 0;
    return server;
  }

  newClient(options: ClientOptions = {}): Client {
    const client = new Client({
      ...this.clientAddress,
      ...this.dialect.client,
      random: eager,
      closeTimeoutMs: 1_000,
      ...options,
    });
    // Attempts to connect that failed are no fault where servers come and go.
    client.on('error', (error) => failedAttempt.has(error.code) || this.errors.push(error));
    this.#clients.push(client);
    return client;
  }

  client(options: ClientOptions = {}, payload?: unknown): Promise<Client> {
    return this.newClient(options).connect(payload);
  }

  async pair(
    serverOptions: ServerOptions = {},
    clientOptions: ClientOptions = {},
  ): Promise<{ server: Server; client: Client; connection: Connection }> {
    const server = await this.server(serverOptions);
    const client = await this.client(clientOptions);
    return { server, client, connection: server.connection(client.id!)! };
  }

  takeErrors(): string[] {
    const codes = this.errors.map(({ code }) => code);
    this.errors = [];
    return codes;
  }

  /** Breaks the link under `connection` as a failing network would. */
  cut(connection: Connection): void {
    if (this.#network instanceof PairNetwork) this.#network.cut();
    else if (this.kind === 'memory') for (const pair of this.faults.pairs) pair.cut();
    else connection.connection?.destroy();
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await Promise.all(this.#servers.map((server) => server.close()));
    for (const client of this.#clients) client.connection?.destroy();
    if (this.#network instanceof PairNetwork) this.#network.close();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

/**
 * All carry bytes alike, so that one has all dialects in `npm test` and the others a few; a long spec shows all of all.
 */
const fewDialects: Partial<Record<Kind, readonly Dialect[]>> = {
  unix: [native, json],
  tcp: [native],
  tls: [native],
  child: [native],
  worker: [native],
};
export const inEveryDialect = process.env['BUSBAR_CONTRACT'] === 'all';

/** Describes `topic` once for each of the given kinds and dialects; each spec gets a bus of its own. */
export function contract(
  topic: string,
  body: (bus: () => Bus, dialect: Dialect, kind: Kind) => void,
  { on = kinds, speaking = dialects }: { on?: readonly Kind[]; speaking?: readonly Dialect[] } = {},
): void {
  for (const kind of on) {
    for (const dialect of speaking) {
      if (!inEveryDialect && fewDialects[kind]?.includes(dialect) === false) continue;
      describe(`${topic} - ${kind}, ${dialect.name}`, () => {
        let bus: Bus;
        beforeEach(() => {
          bus = new Bus(kind, dialect);
        });
        afterEach(async () => {
          await bus.close();
          const left = bus.takeErrors();
          if (left.length > 0) throw new Error(`errors nobody looked at: ${left.join(', ')}`);
        });
        body(() => bus, dialect, kind);
      });
    }
  }
}
