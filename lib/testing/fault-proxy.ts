import { connect, createServer, type Server, type Socket } from 'node:net';
import { asBusError, BusError } from '../base/errors.ts';
import { isPort } from '../base/ip.ts';
import { custom, resolveOptions } from '../base/options.ts';
import { type Random, systemRandom } from '../base/random.ts';
import { type ProxyFaults, proxyFaults } from './fault-options.ts';
import { FaultPump } from './fault-pump.ts';

/** A unix socket (or a pipe), or a TCP port; the default `host` is loopback. */
export type ProxyAddress = { readonly path: string } | { readonly port: number; readonly host?: string | undefined };

export interface FaultProxyOptions {
  /** The address that clients connect to; port 0 chooses a free one. */
  readonly listen: ProxyAddress;
  /** The server behind the proxy. */
  readonly target: ProxyAddress;
  readonly faults?: ProxyFaults | undefined;
  /** Decides the sizes of slices. */
  readonly random?: Random | undefined;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const address = () =>
  custom<ProxyAddress | undefined>({ type: '{ path } or { port, host }', default: undefined, accepts: isAddress });

const proxyTable = {
  listen: address(),
  target: address(),
  faults: custom<ProxyFaults>({ type: 'object', default: {}, accepts: isObject }),
  random: custom<Random>({ type: 'Random', default: systemRandom, accepts: isObject }),
} as const;

interface ProxiedLink {
  readonly client: Socket;
  readonly server: Socket;
  readonly pumps: readonly FaultPump[];
}

/**
 * Forwards between clients and a server on real sockets, and makes their links fail. It does not read the data, so it
 * works with TLS too.
 */
export class FaultProxy {
  /** The present faults of all links. Assign to its members, then call `apply`. */
  readonly faults: ProxyFaults;
  /** Number of links so far. */
  accepted = 0;
  /** New links are closed at once. */
  refusing = false;
  readonly #listen: ProxyAddress;
  readonly #target: ProxyAddress;
  readonly #random: Random;
  readonly #links = new Set<ProxiedLink>();
  #server: Server | undefined;

  /** @throws BusError `ERR_INVALID_OPTION`. */
  constructor(options: FaultProxyOptions) {
    const { listen, target, faults, random } = resolveOptions('FaultProxy', proxyTable, options);
    if (listen === undefined || target === undefined) {
      throw new BusError('ERR_INVALID_OPTION', 'FaultProxy needs the options "listen" and "target"');
    }
    resolveOptions('FaultProxy faults', proxyFaults, faults);
    this.#listen = listen;
    this.#target = target;
    this.#random = random;
    this.faults = { ...faults };
  }

  /** Starts to listen. Rejects with `ERR_STATE` the second time, `ERR_LISTEN` with the system error as cause. */
  async start(): Promise<this> {
    if (this.#server !== undefined) throw new BusError('ERR_STATE', 'The proxy was started already');
    const server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
    this.#server = server;
    const listen = this.#listen;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        this.#server = undefined;
        reject(asBusError(error, 'ERR_LISTEN'));
      });
      server.listen('path' in listen ? { path: listen.path } : { host: '127.0.0.1', ...listen }, resolve);
    });
    return this;
  }

  /** The TCP port in use. */
  get port(): number | undefined {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address.port : undefined;
  }

  /** Number of open links. */
  get links(): number {
    return this.#links.size;
  }

  /** Changes faults; others stay the same. Throws `ERR_INVALID_OPTION`. */
  apply(faults: ProxyFaults = {}): void {
    resolveOptions('FaultProxy faults', proxyFaults, faults);
    Object.assign(this.faults, faults);
    for (const { pumps } of this.#links) for (const pump of pumps) pump.pump();
  }

  /** Removes all faults; bytes that a black hole held pass. */
  heal(): void {
    this.refusing = false;
    this.apply({
      latencyMs: undefined,
      sliceBytes: undefined,
      bytesPerSecond: undefined,
      cutAfterBytes: undefined,
      blackHole: undefined,
      slowCloseMs: undefined,
    });
  }

  /** Resets every open link; bytes on their way are lost. Returns the number of links. */
  reset(): number {
    const links = [...this.#links];
    for (const link of links) this.#drop(link, true);
    return links.length;
  }

  /** Stops listening and drops all links. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const link of [...this.#links]) this.#drop(link, false);
    if (server === undefined) return;
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(client: Socket): void {
    this.accepted += 1;
    if (this.refusing) {
      client.on('error', () => {});
      client.destroy();
      return;
    }
    const target = this.#target;
    const server = connect({ allowHalfOpen: true, ...('path' in target ? target : { host: '127.0.0.1', ...target }) });
    const cut = (): void => this.#drop(link, true);
    const pumps = [
      new FaultPump(client, server, this.faults, this.#random, cut),
      new FaultPump(server, client, this.faults, this.#random, cut),
    ];
    const link: ProxiedLink = { client, server, pumps };
    this.#links.add(link);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on('error', () => {});
      socket.on('close', (failed) => {
        // An orderly close is passed on by the pumps, once all bytes before it went through.
        if (failed || other.destroyed) this.#drop(link, false);
      });
    }
  }

  #drop(link: ProxiedLink, reset: boolean): void {
    if (!this.#links.delete(link)) return;
    for (const pump of link.pumps) pump.stop();
    for (const socket of [link.client, link.server]) {
      // Only TCP knows a reset.
      if (reset && socket.remoteFamily !== undefined) socket.resetAndDestroy();
      else socket.destroy();
    }
  }
}

function isAddress(value: unknown): boolean {
  if (!isObject(value)) return false;
  if ('path' in value) return typeof value.path === 'string' && value.path !== '';
  return 'port' in value && isPort(value.port);
}
