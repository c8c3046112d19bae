import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { BusError } from '../../../base/errors.ts';

const longestHeadersMs = 10_000;
const keepAliveMs = 5_000;
const mostHeaders = 100;

export interface EndpointServerOptions {
  /** TLS options for a port of its own; plain HTTP without them. */
  readonly tls: object | undefined;
  /** How long request headers may take, at most ten seconds. */
  readonly timeoutMs: number;
  /** Handles a request; `expectsContinue` says that the body comes only after leave. Must not reject. */
  handle(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void;
}

/** The HTTP server: a port of its own, or sockets that the bus hands over. It knows nothing of transfers. */
export class EndpointServer {
  readonly #server: Server;
  /** With what is called when it turns out whose a socket is. */
  readonly #adopted = new Map<Socket, () => void>();

  constructor({ tls, timeoutMs, handle }: EndpointServerOptions) {
    const headersTimeout = Math.min(longestHeadersMs, timeoutMs);
    const options = {
      headersTimeout,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: headersTimeout / 4,
      // A body may take as long as its bytes keep moving; transfers watch that themselves.
      requestTimeout: 0,
    };
    const listener: RequestListener = (request, response) => handle(request, response, false);
    this.#server =
      tls === undefined ? createServer(options, listener) : createTlsServer({ ...tls, ...options }, listener);
    this.#server.maxHeadersCount = mostHeaders;
    this.#server.on('checkContinue', (request, response) => handle(request, response, true));
  }

  /** The port in use; undefined while not listening. */
  get port(): number | undefined {
    const address = this.#server.address();
    return typeof address === 'object' ? address?.port : undefined;
  }

  /** Rejects `ERR_ADDRESS_IN_USE`, or `ERR_LISTEN` for what else keeps the port from being bound. */
  async listen(port: number, host: string): Promise<void> {
    const server = this.#server;
    // The bus failed to start after this port was bound, and starts again.
    if (server.listening) return;
    await new Promise<void>((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException) => {
        const code = error.code === 'EADDRINUSE' ? 'ERR_ADDRESS_IN_USE' : 'ERR_LISTEN';
        reject(new BusError(code, `interserve cannot listen on ${host}:${port}: ${error.message}`, { cause: error }));
      };
      server.once('error', failed);
      server.listen({ port, host, exclusive: true }, () => {
        server.off('error', failed);
        resolve();
      });
    });
  }

  /** Prepares for adopted sockets alone: Node watches header deadlines only once a server says that it listens. */
  listenToAdopted(): void {
    this.#server.emit('listening');
  }

  /** Serves a socket of the bus's port, of which `head` was read already. */
  adopt(socket: Socket, head: Uint8Array, known: () => void): void {
    this.#adopted.set(socket, known);
    socket.once('close', () => this.#adopted.delete(socket));
    if (head.length > 0) socket.unshift(Buffer.from(head.buffer, head.byteOffset, head.length));
    this.#server.emit('connection', socket);
    socket.resume();
  }

  /** A request that came over the socket was a peer's. */
  known(socket: Socket): void {
    this.#adopted.get(socket)?.();
  }

  /** Resolves when the port is free; connections are cut. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    for (const socket of this.#adopted.keys()) socket.destroy();
    await closed;
  }
}
