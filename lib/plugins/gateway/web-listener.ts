import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { asBusError } from '../../base/errors.ts';

export interface WebListenerOptions {
  readonly host: string | undefined;
  readonly tls: object | undefined;
  readonly maxConnections: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

export interface WebListenerEvents {
  request(request: IncomingMessage, response: ServerResponse, continues: boolean): void;
  upgrade?(request: IncomingMessage, socket: Socket, head: Buffer): void;
  error(error: Error): void;
}

const tlsHandshakeMs = 5000;
/** What connections that were told to go get to read their last answer. */
const farewellMs = 1000;

/** A listening HTTP or HTTPS socket with the limits set that Node leaves open. */
export class WebListener {
  readonly #server: Server;
  readonly #host: string | undefined;

  constructor(options: WebListenerOptions, events: WebListenerEvents) {
    this.#host = options.host;
    const settings = {
      maxHeaderSize: options.maxHeaderBytes,
      headersTimeout: options.headersTimeoutMs,
      keepAliveTimeout: options.idleTimeoutMs,
      // Bodies have a pace to keep instead of a whole time.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.max(20, Math.min(1000, Math.floor(options.headersTimeoutMs / 4))),
      noDelay: true,
      insecureHTTPParser: false,
    };
    this.#server =
      options.tls === undefined
        ? createHttpServer(settings)
        : createHttpsServer({ handshakeTimeout: tlsHandshakeMs, ...options.tls, ...settings });
    const server = this.#server;
    server.maxConnections = options.maxConnections;
    // One more than is allowed, so that a request with too many can be told from one with just enough.
    server.maxHeadersCount = options.maxHeaders + 1;
    server.on('request', (request, response) => events.request(request, response, false));
    server.on('checkContinue', (request, response) => events.request(request, response, true));
    const { upgrade } = events;
    if (upgrade !== undefined) {
      server.on('upgrade', (request, socket, head) => upgrade(request, socket as Socket, head));
    }
    server.on('error', (error) => {
      if (server.listening) events.error(error);
    });
  }

  /** Resolves with the bound port; rejects `ERR_ADDRESS_IN_USE` or `ERR_LISTEN`. */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => {
        reject(asBusError(error, error.code === 'EADDRINUSE' ? 'ERR_ADDRESS_IN_USE' : 'ERR_LISTEN'));
      };
      this.#server.once('error', failed);
      this.#server.listen({ port, host: this.#host, exclusive: true }, () => {
        this.#server.off('error', failed);
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  /** Stops accepting at once; resolves when every socket is closed, those that linger by force. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      const force = setTimeout(() => this.#server.closeAllConnections(), farewellMs);
      this.#server.close(() => {
        clearTimeout(force);
        resolve();
      });
      this.#server.closeIdleConnections();
    });
  }
}
