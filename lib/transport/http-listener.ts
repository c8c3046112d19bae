import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../base/clock.ts';
import { asBusError, type BusError } from '../base/errors.ts';
import { formatHostPort } from './address.ts';
import { bind, checkReusePort, listenError } from './net-listener.ts';

export interface HttpListenerOptions {
  /** Whose listener it is, for the messages of errors. */
  readonly name: string;
  readonly clock: Clock;
  /** Options of `tls.createServer`: the listener then speaks HTTPS. */
  readonly tls?: object | undefined;
  /** Open sockets; one more is closed as it comes. By default no limit. */
  readonly maxConnections?: number | undefined;
  /** Largest header section; by default Node's own limit. */
  readonly maxHeaderBytes?: number | undefined;
  /** Header fields; of a request with more, `headers` has one more than this. By default 100. */
  readonly maxHeaders?: number | undefined;
  /** How long the headers of a request may take. */
  readonly headersTimeoutMs: number;
  /** How long a request may take with its body; by default no limit. */
  readonly requestTimeoutMs?: number | undefined;
  /** How long a connection stays open between two requests; by default 5,000 ms. */
  readonly keepAliveMs?: number | undefined;
  /** Time between two calls of `sweep`. */
  readonly sweepMs?: number | undefined;
}

/** What the owner of an `HttpListener` hears. None of them may throw. */
export interface HttpListenerEvents {
  /** `expectsContinue`: the body comes only after `response.writeContinue()`. */
  request(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void;
  /** Without it a request that asks for an upgrade is a request as any other. */
  upgrade?(request: IncomingMessage, socket: Socket, head: Buffer): void;
  /** Comes every `sweepMs` while the listener is open. */
  sweep?(now: number): void;
  /** Something failed that concerns no single connection, such as running out of descriptors. */
  error(error: BusError): void;
}

export interface HttpAddress {
  /** By default all addresses of this machine. */
  readonly host?: string | undefined;
  /** 0 takes any free port. */
  readonly port: number;
  /** Others may listen there too. */
  readonly reusePort?: boolean | undefined;
  /** Connections the system keeps waiting to be accepted; by default 511. */
  readonly backlog?: number | undefined;
}

const tlsHandshakeMs = 5_000;
/** How often a listener that closes looks for connections that have become idle. */
const idleLookMs = 50;

/**
 * An HTTP or HTTPS server with the limits set that Node leaves open: for a port of its own, for sockets that somebody
 * else accepted, or for both.
 */
export class HttpListener {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #adopted = new Set<Socket>();
  readonly #sweep: ((now: number) => void) | undefined;
  readonly #sweepMs: number;
  #timer: Timer | undefined;
  #watching = false;

  /** @throws BusError `ERR_LISTEN` for TLS options that Node does not take. */
  constructor(options: HttpListenerOptions, events: HttpListenerEvents) {
    this.#name = options.name;
    this.#clock = options.clock;
    this.#server = createHttpServer(options);
    this.#sweep = events.sweep;
    this.#sweepMs = options.sweepMs ?? 1_000;
    const server = this.#server;
    server.on('request', (request, response) => events.request(request, response, false));
    server.on('checkContinue', (request, response) => events.request(request, response, true));
    const { upgrade } = events;
    if (upgrade !== undefined) {
      server.on('upgrade', (request, stream, head) => {
        const socket = stream as Socket;
        this.#adopted.delete(socket);
        upgrade(request, socket, head);
      });
    }
    server.on('error', (error) => {
      if (server.listening) events.error(listenError(this.#where(), error, this.#name));
    });
  }

  /** The bound port; undefined while it has none. */
  get port(): number | undefined {
    const address = this.#server.address();
    return typeof address === 'object' ? address?.port : undefined;
  }

  /**
   * Binds the port, which no worker of a cluster shares; nothing happens where it is bound already. Resolves with the
   * bound one. Rejects with `ERR_ADDRESS_IN_USE` or `ERR_LISTEN`, with the system's error as cause, and `ERR_INVALID_OPTION` for `reusePort` where Node has none.
   */
  async listen({ host, port, backlog, reusePort = false }: HttpAddress): Promise<number> {
    if (!this.#server.listening) {
      checkReusePort(reusePort);
      const given = { ...(host === undefined ? {} : { host }), ...(backlog === undefined ? {} : { backlog }) };
      const where = { ...given, port, ...(reusePort && { reusePort }) };
      await bind(this.#server, { ...where, exclusive: true }).catch((error: unknown) => {
        throw listenError(formatHostPort(host ?? '*', port), error, this.#name);
      });
      this.#watch();
    }
    return this.port ?? port;
  }

  /** Serves a socket that somebody else accepted, of which `head` was read already. */
  adopt(socket: Socket, head: Uint8Array): void {
    if (!this.#watching) {
      // Node watches header deadlines only once a server says that it listens.
      if (!this.#server.listening) this.#server.emit('listening');
      this.#watch();
    }
    this.#adopted.add(socket);
    socket.once('close', () => this.#adopted.delete(socket));
    if (head.length > 0) socket.unshift(Buffer.from(head.buffer, head.byteOffset, head.length));
    this.#server.emit('connection', socket);
    socket.resume();
  }

  /**
   * Accepts nothing more, and closes the connections: idle ones at once, the others `graceMs` later, if they are still
   * open then; with `asIdle` as soon as they are idle. Upgraded ones are their owner's, who closes them. Resolves when the port is free
   * and all are closed.
   */
  close(graceMs = 0, asIdle = false): Promise<void> {
    this.#watching = false;
    this.#timer?.cancel();
    return new Promise((resolve) => {
      const force = graceMs > 0 ? this.#clock.setTimer(() => this.#cut(), graceMs) : undefined;
      let look: Timer | undefined;
      const closeIdle = (): void => {
        this.#server.closeIdleConnections();
        if (asIdle) look = this.#clock.setTimer(closeIdle, idleLookMs, true);
      };
      this.#server.close(() => {
        look?.cancel();
        force?.cancel();
        resolve();
      });
      if (force === undefined) this.#cut();
      else closeIdle();
    });
  }

  #cut(): void {
    this.#server.closeAllConnections();
    for (const socket of this.#adopted) socket.destroy();
  }

  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    const sweep = this.#sweep;
    if (sweep === undefined) return;
    const tick = (): void => {
      this.#timer = this.#clock.setTimer(tick, this.#sweepMs, true);
      sweep(this.#clock.now());
    };
    this.#timer = this.#clock.setTimer(tick, this.#sweepMs, true);
  }

  #where(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? formatHostPort(address.address, address.port) : 'its port';
  }
}

function createHttpServer(options: HttpListenerOptions): Server {
  const { tls, maxConnections, maxHeaderBytes, maxHeaders = 100, headersTimeoutMs } = options;
  const settings = {
    ...(maxHeaderBytes === undefined ? {} : { maxHeaderSize: maxHeaderBytes }),
    headersTimeout: headersTimeoutMs,
    requestTimeout: options.requestTimeoutMs ?? 0,
    keepAliveTimeout: options.keepAliveMs ?? 5_000,
    connectionsCheckingInterval: Math.max(20, Math.min(1_000, Math.floor(headersTimeoutMs / 4))),
    noDelay: true,
    insecureHTTPParser: false,
  };
  try {
    const server =
      tls === undefined
        ? createServer(settings)
        : createTlsServer({ handshakeTimeout: tlsHandshakeMs, ...tls, ...settings });
    if (maxConnections !== undefined) server.maxConnections = maxConnections;
    // One more, so that a request with too many can be told from one with just enough.
    server.maxHeadersCount = maxHeaders + 1;
    return server;
  } catch (error) {
    throw asBusError(error, 'ERR_LISTEN');
  }
}
