import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isLoopback } from '../../base/ip.ts';
import type { PluginHost } from '../../bus/plugin.ts';
import { HttpListener } from '../../transport/http-listener.ts';
import { serveDownload } from './download/server.ts';
import type { TransferTable } from './transfers/transfer-table.ts';
import type { UploadServer } from './upload/server.ts';
import { answerFailure } from './http/failure.ts';
import { RequestAuth } from './request-auth.ts';

const longestHeadersMs = 10_000;

/** Brings HTTP requests to their transfers: from a port of its own, or over sockets that the bus hands over. */
export class EndpointServer {
  readonly #table: TransferTable;
  readonly #uploads: UploadServer;
  readonly #auth: RequestAuth;
  readonly #listener: HttpListener;
  /** Called once a request over the socket has proved to be a peer's. */
  readonly #adopted = new WeakMap<Socket, () => void>();

  /** Throws `ERR_INVALID_OPTION` or `ERR_LISTEN` for options that cannot be used. */
  constructor(host: PluginHost, table: TransferTable, uploads: UploadServer) {
    const { share, timeout } = table.options;
    this.#table = table;
    this.#uploads = uploads;
    this.#auth = new RequestAuth(table, ({ socket }) => this.#adopted.get(socket)?.());
    this.#listener = new HttpListener(
      {
        name: 'interserve',
        clock: host.clock,
        // Sockets of the bus's own port are decrypted already.
        tls: share ? undefined : host.tls,
        headersTimeoutMs: Math.min(longestHeadersMs, timeout * 1000),
      },
      {
        request: (request, response, expectsContinue) => this.#handle(request, response, expectsContinue),
        error: (error) => host.report(error),
      },
    );
  }

  /** The port in use; undefined while not listening. */
  get port(): number | undefined {
    return this.#listener.port;
  }

  /** Rejects with `ERR_ADDRESS_IN_USE`, or `ERR_LISTEN` where the port cannot be bound for another reason. */
  async listen(): Promise<void> {
    const { iport, host } = this.#table.options;
    await this.#listener.listen({ port: iport, host });
  }

  /** Serves a socket that the bus accepted and read `head` from. */
  adopt(socket: Socket, head: Uint8Array, known: () => void): void {
    this.#adopted.set(socket, known);
    this.#listener.adopt(socket, head);
  }

  /** Resolves when the port is free; connections are cut. */
  close(): Promise<void> {
    return this.#listener.close();
  }

  #handle(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    response.on('error', () => response.destroy());
    this.#serve(request, response, expectsContinue).catch((error: unknown) => answerFailure(response, error));
  }

  async #serve(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): Promise<void> {
    const transfer = await this.#auth.admit(request);
    await transfer.within(() =>
      transfer.way === 'down'
        ? serveDownload(request, response, transfer, this.#compresses(request))
        : this.#uploads.serve(request, response, transfer, expectsContinue),
    );
  }

  /** A peer on this machine gets the bytes as they are: no compressor is faster than loopback. */
  #compresses(request: IncomingMessage): boolean {
    const { remoteAddress } = request.socket;
    return this.#table.options.compress || (remoteAddress !== undefined && !isLoopback(remoteAddress));
  }
}
