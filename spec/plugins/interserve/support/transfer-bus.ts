import { expect } from 'chai';
import { afterEach, beforeEach } from 'mocha';
import { Client, type Connection, type PeerHandle, Server } from '../../../../lib/index.ts';
import {
  type ClientTransfers,
  interserve,
  type InterserveOptions,
  type ServerTransfers,
  type TransferRecord,
} from '../../../../lib/plugins/interserve/index.ts';

export interface TransferClient {
  readonly client: Client;
  readonly transfers: ClientTransfers;
  /** The client as the server sees it. */
  readonly peer: Connection;
}

/** A server with interserve on loopback, and its clients; everything is closed with it. */
export class TransferBus {
  readonly server: Server;
  readonly transfers: ServerTransfers;
  /** What reached `error` on any side. */
  readonly errors: unknown[] = [];
  readonly records: TransferRecord[] = [];
  readonly #clients: Client[] = [];

  constructor(options: InterserveOptions = {}, serverOptions: ConstructorParameters<typeof Server>[0] = {}) {
    this.server = new Server({ host: '127.0.0.1', port: 0, closeTimeoutMs: 2000, ...serverOptions });
    this.server.on('error', (error) => this.errors.push(error));
    this.transfers = this.server.use(interserve(options.share === true ? options : { iport: 0, ...options }));
    this.transfers.on('transfer', (record) => this.records.push(record));
  }

  static async start(...args: ConstructorParameters<typeof TransferBus>): Promise<TransferBus> {
    const bus = new TransferBus(...args);
    await bus.server.start();
    return bus;
  }

  /** A client that is not connected yet; `clientOptions` are the bus's. */
  client(options: InterserveOptions = {}, clientOptions: ConstructorParameters<typeof Client>[0] = {}) {
    const address = this.server.port === undefined ? { path: this.server.address } : { port: this.server.port };
    const client = new Client({ host: '127.0.0.1', ...address, ...clientOptions });
    client.on('error', (error) => this.errors.push(error));
    this.#clients.push(client);
    return { client, transfers: client.use(interserve(options)) };
  }

  async connect(...args: Parameters<TransferBus['client']>): Promise<TransferClient> {
    const made = this.client(...args);
    return { ...made, peer: await this.join(made.client) };
  }

  async join(client: Client): Promise<Connection> {
    if (!this.#clients.includes(client)) this.#clients.push(client);
    const connected = new Promise<Connection>((resolve) => this.server.once('connect', (peer) => resolve(peer)));
    await client.connect();
    return connected;
  }

  /** The port the transfers are at. */
  get port(): number {
    return this.transfers.port ?? this.server.port ?? 0;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.server.close();
  }
}

/** The reason in the `details` of what a promise rejects with, or `fulfilled`. */
export async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'fulfilled',
    (error: unknown) => {
      const details = error instanceof Error && 'details' in error ? error.details : undefined;
      if (typeof details !== 'object' || details === null || !('reason' in details)) throw error;
      return details.reason;
    },
  );
}

export type { PeerHandle };

/** What is transferred where its size matters. */
export const megabyte = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => (index * 7) % 256));

/**
 * Hands each spec of a suite a bus with the id `map` and a client. After it `current` closes, which may be another one that
 * the spec put in its place, and nothing may have reached `error`.
 */
export function eachTransferBus(
  use: (bus: TransferBus, client: TransferClient) => void,
  current: () => TransferBus,
): void {
  beforeEach(async () => {
    const bus = await TransferBus.start();
    bus.transfers.add('map');
    use(bus, await bus.connect());
  });
  afterEach(async () => {
    const bus = current();
    await bus.close();
    expect(bus.errors).to.deep.equal([]);
  });
}
