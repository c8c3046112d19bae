import { randomUUID } from 'node:crypto';
import { type IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { hasBody, linger, lingerAfter } from '../../transport/linger.ts';
import type { HttpRefusal } from './driver-request.ts';
import type { RateLimitedLog } from './log.ts';
import type { Counters } from './metrics.ts';

/** Answers to HTTP requests, each with the id that the log knows the request by. */
export class HttpAnswers {
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #log: RateLimitedLog;
  readonly #ids = new WeakMap<IncomingMessage, string>();

  constructor(counters: Counters, log: RateLimitedLog, clock: Clock) {
    this.#clock = clock;
    this.#counters = counters;
    this.#log = log;
  }

  /** Answers with why the request is not served; JSON, but for the sentence that clients of 426 know. */
  refuse(request: IncomingMessage, response: ServerResponse, refusal: HttpRefusal): void {
    const { status, ...body } = refusal;
    this.#counters.requestRefused(status).value += 1;
    const [path] = (request.url ?? '').split('?');
    const origin = originOf(request);
    const event = {
      level: 'warn',
      event: 'request_refused',
      path: path?.slice(0, 200),
      ...refusal,
      ...origin,
    } as const;
    this.#log.write(`${status} ${origin.remote}`, event);
    if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
    if (status === 405) response.setHeader('Allow', 'GET, HEAD');
    if (status === 503) response.setHeader('Retry-After', '5');
    if (status === 426) this.give(request, response, status, 'text/plain', `${body.error}\n`);
    else this.give(request, response, status, 'application/json', JSON.stringify(body));
  }

  give(request: IncomingMessage, response: ServerResponse, status: number, type: string, body: string): void {
    if (hasBody(request.headers)) lingerAfter(response, this.#clock);
    response.writeHead(status, {
      'Content-Type': type,
      'Content-Length': Buffer.byteLength(body),
      'X-Request-ID': this.idOf(request),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  /** One id for everything that is said about a request. */
  idOf(request: IncomingMessage): string {
    let id = this.#ids.get(request);
    if (id === undefined) this.#ids.set(request, (id = randomUUID()));
    return id;
  }
}

/** A response to a request that asked for an upgrade it does not get: an ordinary one, after which the connection ends. */
export function responseOn(stream: Duplex, request: IncomingMessage, clock: Clock): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  if (!(stream instanceof Socket)) throw new BusError('ERR_STATE', 'The upgrade came over no socket');
  response.assignSocket(stream);
  response.on('finish', () => linger(stream, clock));
  return response;
}

/** Where a request came from, as far as it says so. */
export function originOf(request: IncomingMessage): { remote: string | undefined; module?: string } {
  const remote = request.socket.remoteAddress;
  const module = request.headers['x-module-id'];
  return typeof module === 'string' ? { remote, module: module.slice(0, 128) } : { remote };
}
