import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import type { Resolved } from '../../base/options.ts';
import { HttpListener, type HttpListenerEvents } from '../../transport/http-listener.ts';
import { hasBody, lingerAfter } from '../../transport/linger.ts';
import type { listenOptions } from './server-options.ts';

export interface ServerPortOptions extends Resolved<typeof listenOptions> {
  /** The name of the server in error messages. */
  readonly name: string;
  readonly clock: Clock;
  /** Time a connection may stay without a request. */
  readonly idleTimeoutMs: number;
  /** The shortest of the timeouts that the sweep checks. */
  readonly shortestMs?: number | undefined;
}

/** Without `request`, requests are answered 426. */
export type ServerPortEvents = Omit<HttpListenerEvents, 'request'> & Partial<Pick<HttpListenerEvents, 'request'>>;

/** How long open connections may take to read their last answer. */
const closeGraceMs = 1000;
const longestSweepMs = 1000;

/** The port of one of the gateway's servers; it can be opened and closed any number of times. */
export class ServerPort {
  readonly #options: ServerPortOptions;
  readonly #events: HttpListenerEvents;
  #listener: HttpListener | undefined;
  #number: number | undefined;

  constructor(options: ServerPortOptions, events: ServerPortEvents) {
    const { clock } = options;
    this.#options = options;
    this.#events = { request: (request, response) => refuse(request, response, 426, clock, true), ...events };
  }

  /** The bound port while it is open. */
  get number(): number | undefined {
    return this.#number;
  }

  /** True from the call of `open` to that of `close`. */
  get inUse(): boolean {
    return this.#listener !== undefined;
  }

  /** Resolves with the bound port. Rejects with `ERR_STATE` if it is in use, `ERR_ADDRESS_IN_USE` and `ERR_LISTEN`, and `ERR_CLOSED`. */
  async open(port: number): Promise<number> {
    const { name, clock, idleTimeoutMs, shortestMs = longestSweepMs, host, reusePort, ...limits } = this.#options;
    if (this.#listener !== undefined) throw new BusError('ERR_STATE', `This ${name} listens already`);
    // Several times within the shortest timeout.
    const sweepMs = Math.max(5, Math.min(longestSweepMs, Math.floor(shortestMs / 4)));
    const settings = { ...limits, name, clock, keepAliveMs: idleTimeoutMs, sweepMs };
    const listener = new HttpListener(settings, this.#events);
    this.#listener = listener;
    try {
      const bound = await listener.listen({ host, port, reusePort });
      if (this.#listener === listener) return (this.#number = bound);
    } catch (error) {
      if (this.#listener === listener) this.#listener = undefined;
      throw error;
    }
    await listener.close();
    throw new BusError('ERR_CLOSED', `This ${name} was closed before it listened`);
  }

  /**
   * Stops accepting. Resolves when all connections are closed, at the latest shortly after `drainMs`; undefined if the
   * port was not in use.
   */
  close(drainMs = 0): Promise<void> | undefined {
    const listener = this.#listener;
    if (listener === undefined) return undefined;
    this.#listener = undefined;
    this.#number = undefined;
    return listener.close(drainMs + closeGraceMs, drainMs > 0);
  }
}

/** Answers a request with a status and its text. `close` also ends the connection, and so does a body that is not wanted. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  code: number,
  clock: Clock,
  close = false,
): void {
  const text = STATUS_CODES[code] ?? '';
  if (hasBody(request.headers)) lingerAfter(response, clock);
  else if (close) response.shouldKeepAlive = false;
  response.on('error', ignore);
  request.on('error', ignore);
  response.statusCode = code;
  response.setHeader('Content-Type', 'text/plain');
  if (code === 426) response.setHeader('Upgrade', 'websocket');
  if (code === 503) response.setHeader('Retry-After', '1');
  if (response.shouldKeepAlive && request.httpVersion === '1.1') response.removeHeader('connection');
  response.end(text);
  request.resume();
}

function ignore(): void {}
