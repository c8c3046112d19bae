import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type ClientOptions, Server, type ServerOptions } from '../../../lib/index.ts';
import {
  ChannelError,
  type ChannelRelay,
  channels,
  type ChannelsOptions,
  type Reason,
  type Rooms,
} from '../../../lib/plugins/channels/index.ts';
import { rejected } from '../../support/buses.ts';
import { certificate } from '../../support/certificate.ts';

export type Kind = 'memory' | 'unix' | 'tcp' | 'tls';
export const kinds: readonly Kind[] = ['memory', 'unix', 'tcp'];

let count = 0;

/** A server with the channels plugin and as many clients as a spec wants; `close` ends all of it. */
export class Meeting {
  readonly server: Server;
  readonly relay: ChannelRelay;
  readonly #target: () => ClientOptions;
  readonly #folder: string | undefined;
  readonly #clients: Client[] = [];
  readonly #rooms: Rooms[] = [];
  /** What reached the `error` event of the server. */
  readonly errors: unknown[] = [];

  constructor(kind: Kind, options: ChannelsOptions = {}, serverOptions: ServerOptions = {}) {
    count += 1;
    this.#folder = kind === 'unix' ? mkdtempSync(join(tmpdir(), 'ch-')) : undefined;
    const url = `memory:channels-${count}`;
    const path = join(this.#folder ?? '', 's');
    const places: Readonly<Record<Kind, () => [server: ServerOptions, client: () => ClientOptions]>> = {
      memory: () => [{ url }, () => ({ url })],
      unix: () => [{ path }, () => ({ path })],
      tcp: () => [{ port: 0 }, () => ({ port: this.server.port ?? 0 })],
      tls: () => [
        { port: 0, tls: certificate },
        () => ({ port: this.server.port ?? 0, tls: { ca: certificate.cert, servername: 'localhost' } }),
      ],
    };
    const [where, target] = places[kind]();
    this.server = new Server({ ...where, ...serverOptions });
    this.server.on('error', (error) => this.errors.push(error));
    this.relay = this.server.use(channels(options));
    this.#target = target;
  }

  async start(): Promise<this> {
    await this.server.start();
    return this;
  }

  async client(options: ClientOptions = {}): Promise<[Rooms, Client]> {
    const client = new Client({ ...this.#target(), ...options });
    this.#clients.push(client);
    const rooms = client.use(channels());
    this.#rooms.push(rooms);
    await client.connect();
    return [rooms, client];
  }

  async rooms(options: ClientOptions = {}): Promise<Rooms> {
    const [rooms] = await this.client(options);
    return rooms;
  }

  async close(): Promise<void> {
    for (const rooms of this.#rooms) rooms.closeAll();
    for (const client of this.#clients) client.destroy();
    await this.server.close();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The arguments of the next event of this name. */
export function next<Event extends string, Args extends readonly unknown[]>(
  emitter: { once(event: Event, listener: (...args: Args) => unknown): unknown },
  event: Event,
): Promise<Args> {
  return new Promise((resolve) => {
    emitter.once(event, (...args) => resolve(args));
  });
}

/** The reason with which the relay refuses. */
export async function refusal(promise: Promise<unknown>): Promise<Reason> {
  const error = await rejected(promise);
  if (error instanceof ChannelError) return error.reason;
  throw error;
}
