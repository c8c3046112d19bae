import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import type { Resolved } from '../../base/options.ts';
import { HttpListener, type HttpListenerEvents } from '../../transport/http-listener.ts';
import { hasBody, lingerAfter } from '../../transport/linger.ts';
import type { listenOptions } from './server-options.ts';

export interface ServerPortOptions extends Resolved<typeof listenOptions> {
  /** Whose port it is, for the messages of errors. */
  readonly name: string;
  readonly clock: Clock;
  /** Time a connection may stay without a request. */
  readonly idleTimeoutMs: number;
  /** The shortest time that the sweep looks after. */
  readonly shortestMs?: number | undefined;
}

/** What the owner of the port hears. Without `request`, requests are told to ask for an upgrade. */
export type ServerPortEvents = Omit<HttpListenerEvents, 'request'> & Partial<Pick<HttpListenerEvents, 'request'>>;

/** How long connections that were told to go have to read their last answer. */
const closeGraceMs = 1000;
const longestSweepMs = 1000;

/** The port of one of the gateway's servers, which opens and closes any number of times. */
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

  /** From the beginning of `open` to that of `close`. */
  get inUse(): boolean {
    return this.#listener !== undefined;
  }

  /** Resolves with the bound port. Rejects `ERR_STATE` where it is in use, `ERR_ADDRESS_IN_USE` and `ERR_LISTEN`, and `ERR_CLOSED`. */
  async open(port: number): Promise<number> {
    const { name, clock, idleTimeoutMs, shortestMs = longestSweepMs, host, ...limits } = this.#options;
    if (this.#listener !== undefined) throw new BusError('ERR_STATE', `this ${name} listens already`);
    // A few times in the shortest of the timeouts.
    const sweepMs = Math.max(5, Math.min(longestSweepMs, Math.floor(shortestMs / 4)));
    const settings = { ...limits, name, clock, keepAliveMs: idleTimeoutMs, sweepMs };
    const listener = new HttpListener(settings, this.#events);
    this.#listener = listener;
    try {
      const bound = await listener.listen({ host, port });
      if (this.#listener === listener) return (this.#number = bound);
    } catch (error) {
      if (this.#listener === listener) this.#listener = undefined;
      throw error;
    }
    await listener.close();
    throw new BusError('ERR_CLOSED', `this ${name} was closed before it listened`);
  }

  /** Accepts nobody any more. The promise settles when all connections are closed; there is none where it was not open. */
  close(): Promise<void> | undefined {
    const listener = this.#listener;
    if (listener === undefined) return undefined;
    this.#listener = undefined;
    this.#number = undefined;
    return listener.close(closeGraceMs);
  }
}

/**
 * Answers a request that goes no further with its status as the text; `close` also ends the connection, as a body does
 * that nobody waits for.
 */
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
