import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { lingerAfter } from '../../transport/linger.ts';
import type { HttpServerSettings } from './http-options.ts';
import type { RequestBodyEvents } from './request-body.ts';
import { RequestBody } from './request-body.ts';
import type { ResponseWriterEvents } from './response-writer.ts';
import { ResponseWriter } from './response-writer.ts';
import type { RouteMatch, RouteMethod } from './route-table.ts';

/** Everything that is known of a request once its headers arrived. */
export interface RequestDetails {
  readonly method: string;
  /** The path, as it came: not decoded, without the query. */
  readonly url: string;
  /** What follows the question mark, as it came. */
  readonly query: string;
  /** The pattern of the route that matched. */
  readonly endpoint: string;
  /** The method that route was added for, or `ANY`. */
  readonly endpointMethod: RouteMethod;
  /** By lower-case name; fields of the same name are joined as RFC 9110 says. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the route's parameters stand for, percent-decoded; `*` is what the wildcard matched. */
  readonly params: Readonly<Record<string, string>>;
  readonly remoteAddress: string;
}

export interface ExchangeEvents {
  data(exchange: HttpExchange, chunk: Buffer): void;
  finished(exchange: HttpExchange, chunk: Buffer): void;
  aborted(exchange: HttpExchange): void;
  writable(exchange: HttpExchange): void;
  tooLarge(exchange: HttpExchange): void;
  /** The response left, or its connection is gone: the last event. */
  closed(exchange: HttpExchange): void;
}

/** One request and the answer to it. */
export class HttpExchange implements RequestBodyEvents, ResponseWriterEvents {
  readonly id: string;
  readonly body: RequestBody;
  readonly writer: ResponseWriter;
  readonly socket: Socket;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #match: RouteMatch;
  readonly #settings: HttpServerSettings;
  readonly #events: ExchangeEvents;
  readonly #startedAt: number;
  #details: RequestDetails | undefined;
  #answeredAt: number | undefined;
  /** Its connection ends with the answer, once the rest of the body was thrown away. */
  #lingers = false;
  #unsent = 0;
  #progressAt: number;

  constructor(
    id: string,
    request: IncomingMessage,
    response: ServerResponse,
    match: RouteMatch,
    settings: HttpServerSettings,
    events: ExchangeEvents,
  ) {
    this.id = id;
    this.#request = request;
    this.#response = response;
    this.#match = match;
    this.socket = request.socket;
    this.#startedAt = settings.clock.now();
    this.#progressAt = this.#startedAt;
    this.#settings = settings;
    this.#events = events;
    this.writer = new ResponseWriter(response, settings.maxBufferedBytes, this);
    this.body = new RequestBody(request, settings.maxBodyBytes, this.#startedAt, this);
    response.on('error', ignore);
    if (response.socket !== null) {
      response.on('close', () => this.#gone());
      return;
    }
    // A response that waits behind an earlier one on its connection has no socket yet, and hears nothing of its end.
    const gone = (): void => {
      response.off('close', gone);
      this.socket.off('close', gone);
      this.#gone();
    };
    response.on('close', gone);
    this.socket.on('close', gone);
  }

  /** A chunk of the body that is not the last. */
  chunk(bytes: Buffer): void {
    this.#events.data(this, bytes);
  }

  /** The last chunk of the body. */
  finished(bytes: Buffer): void {
    this.#events.finished(this, bytes);
  }

  /** The body is larger than it may be. */
  tooLarge(): void {
    this.#events.tooLarge(this);
  }

  /** The client has caught up with the answer. */
  writable(): void {
    this.#events.writable(this);
  }

  get details(): RequestDetails {
    this.#details ??= {
      method: this.#request.method ?? '',
      ...splitTarget(this.#request.url ?? ''),
      endpoint: this.#match.route,
      endpointMethod: this.#match.method,
      headers: plainHeaders(this.#request),
      params: this.#match.params,
      remoteAddress: this.socket.remoteAddress ?? '',
    };
    return this.#details;
  }

  #gone(): void {
    if (!this.writer.ended) this.#events.aborted(this);
    if (this.#request.complete || this.socket.destroyed) {
      this.#events.closed(this);
      return;
    }
    // Answered before all of it came: the rest is awaited, and thrown away.
    this.#answeredAt = this.#settings.clock.now();
    this.body.discard();
    const over = (): void => {
      this.#request.off('end', over);
      this.socket.off('close', over);
      this.#events.closed(this);
    };
    this.#request.on('end', over);
    this.socket.on('close', over);
  }

  /** Answers in one go, and closes the connection where the request is still coming in. */
  answer(status: string, text: string, close = !this.#request.complete): void {
    if (this.writer.begun) {
      this.abort();
      return;
    }
    if (close) this.#response.shouldKeepAlive = false;
    this.#lingers = !this.#request.complete;
    if (this.#lingers) lingerAfter(this.#response, this.#settings.clock);
    this.writer.writeStatus(status);
    this.writer.writeHeader('Content-Type', 'text/plain');
    this.writer.send(Buffer.from(text));
    if (close) this.body.discard();
  }

  /** Cuts the connection. */
  abort(): void {
    this.socket.destroy();
  }

  /** Why time is up for this exchange, if it is. */
  overdue(now: number, settings: HttpServerSettings): 'body' | 'answer' | 'drain' | undefined {
    if (this.#lingers) return undefined;
    const pace = { windowMs: settings.bodyTimeoutMs, bytesPerSecond: settings.minBodyBytesPerSecond };
    if (this.#answeredAt !== undefined) return now - this.#answeredAt >= settings.bodyTimeoutMs ? 'drain' : undefined;
    if (!this.writer.ended && !this.body.keepsPace(now, pace)) return 'body';
    if (this.writer.begun) {
      const unsent = this.#response.writableLength;
      if (unsent === 0 || unsent !== this.#unsent) this.#progressAt = now;
      this.#unsent = unsent;
      return now - this.#progressAt >= settings.drainTimeoutMs ? 'drain' : undefined;
    }
    const { responseTimeoutMs } = settings;
    return responseTimeoutMs > 0 && now - this.#startedAt >= responseTimeoutMs ? 'answer' : undefined;
  }
}

/** Path and query of a request target, which names its authority too when it was sent through a proxy. */
export function splitTarget(target: string): { url: string; query: string } {
  const local = target.startsWith('/') ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '') || '/';
  const mark = local.indexOf('?');
  return mark === -1 ? { url: local, query: '' } : { url: local.slice(0, mark), query: local.slice(mark + 1) };
}

export function plainHeaders(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of Object.keys(request.headers)) {
    const value = request.headers[name];
    if (value !== undefined) headers[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return headers;
}

function ignore(): void {}
