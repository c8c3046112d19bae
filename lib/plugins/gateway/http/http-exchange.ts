import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { lingerAfter } from '../../../transport/linger.ts';
import type { EventExtras, HttpEventName } from '../gateway-event.ts';
import { type RequestDetails, requestDetails } from '../request-details.ts';
import type { HttpServerSettings } from '../server-options.ts';
import { type RequestBodyEvents, RequestBody } from './request-body.ts';
import { type ResponseWriterEvents, ResponseWriter } from './response-writer.ts';
import type { RouteMatch } from './route-table.ts';

/** Events of a request that neither begin nor end it. */
export type MiddleEventName = Exclude<
  HttpEventName & `HTTP_${string}`,
  'HTTP_REQUEST_STARTED' | 'HTTP_CONNECTION_ABORTED'
>;

export interface ExchangeEvents {
  /** Something happened between the beginning and the end. */
  raise(exchange: HttpExchange, name: MiddleEventName, message: Buffer | string, extras?: EventExtras): void;
  aborted(exchange: HttpExchange): void;
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
  /** The connection ends with the answer, after the rest of the body was discarded. */
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
    // A response queued behind an earlier one has no socket yet, and is not told when the connection closes.
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
    this.#events.raise(this, 'HTTP_DATA_RECEIVED', bytes);
  }

  /** The last chunk of the body. */
  finished(bytes: Buffer): void {
    this.#events.raise(this, 'HTTP_REQUEST_FINISHED', bytes);
  }

  /** The body is larger than it may be. */
  tooLarge(): void {
    this.#events.tooLarge(this);
  }

  /** The client has caught up with the answer. */
  writable(): void {
    const { offset } = this.writer;
    this.#events.raise(this, 'HTTP_CONNECTION_WRITABLE', String(offset), { offset });
  }

  get details(): RequestDetails {
    this.#details ??= requestDetails(this.#request, this.#match);
    return this.#details;
  }

  #gone(): void {
    if (!this.writer.ended) this.#events.aborted(this);
    if (this.#request.complete || this.socket.destroyed) {
      this.#events.closed(this);
      return;
    }
    // Answered before the whole request arrived: the rest is read and discarded.
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

  /** Sends a complete answer, and closes the connection if the request is still arriving. */
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

  /** Which time limit this exchange has exceeded, if any. */
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

function ignore(): void {}
