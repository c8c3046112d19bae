import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { resolveOptions } from '../../../base/options.ts';
import { sleep } from '../../../base/wait.ts';
import { hostsOf } from '../../../transport/websocket-handshake.ts';
import { ConnectionTable } from '../connection-table.ts';
import {
  type AnyEventName,
  type BodyData,
  type EventExtras,
  type WebServerMessage,
  serverClientId,
  toBuffer,
  webServerMessage,
} from '../gateway-event.ts';
import { RequestAccessors, type RequestDetails, splitTarget } from '../request-details.ts';
import { DEFAULT_PORT, type HttpServerOptions, httpServerOptions, type HttpServerSettings } from '../server-options.ts';
import { refuse, ServerPort } from '../server-port.ts';
import { HttpExchange, type MiddleEventName } from './http-exchange.ts';
import { HttpSendStatus } from './response-writer.ts';
import { type RoutingTable, RouteTable } from './route-table.ts';

/** How often it is looked whether all requests are answered. */
const drainLookMs = 10;
const shutdownText = 'Service Unavailable: Server shutting down';

/** An HTTP or HTTPS server that identifies requests by opaque ids, reports them by events and answers by method calls. */
export class HttpServer extends RequestAccessors {
  static readonly DEFAULT_PORT = DEFAULT_PORT;
  readonly DEFAULT_PORT = DEFAULT_PORT;
  readonly #settings: HttpServerSettings;
  readonly #routes = new RouteTable();
  readonly #exchanges = new ConnectionTable<HttpExchange>();
  readonly #unanswered = new WeakMap<Socket, number>();
  readonly #port: ServerPort;

  constructor(options: HttpServerOptions = {}) {
    const settings = resolveOptions('HttpServer', httpServerOptions, options);
    super(settings);
    this.#settings = settings;
    const { bodyTimeoutMs, drainTimeoutMs, responseTimeoutMs } = settings;
    const shortestMs = Math.min(bodyTimeoutMs, drainTimeoutMs, responseTimeoutMs || Infinity);
    this.#port = new ServerPort(
      { ...settings, name: 'HttpServer', shortestMs },
      {
        request: (request, response, continues) => this.#accept(request, response, continues),
        sweep: (now) => this.#sweep(now),
        error: (error) => this.report(error),
      },
    );
  }

  /** The bound port while the server listens. */
  get port(): number | undefined {
    return this.#port.number;
  }

  /** @internal Requests that were refused without an event. In `stats().plugins.gateway`. */
  refused = 0;

  /** Requests that were not answered yet. */
  get openRequests(): number {
    return this.#exchanges.size;
  }

  /**
   * Listens; port 0 takes any free one. Resolves with the port after `SERVER_STARTED_LISTENING` was raised.
   * @throws BusError `ERR_ADDRESS_IN_USE`, `ERR_LISTEN`; `ERR_STATE` when it listens already.
   */
  async startListening(port: number = DEFAULT_PORT): Promise<number> {
    const bound = await this.#port.open(port).catch((error: unknown) => {
      // ERR_STATE concerns the caller alone.
      if (!this.#port.inUse) this.report(error);
      throw error;
    });
    this.startPolling();
    this.raise('SERVER_STARTED_LISTENING', webServerMessage('SERVER_STARTED_LISTENING', serverClientId, String(bound)));
    return bound;
  }

  /**
   * Accepts nothing more, gives open requests `drainMs` to be answered, answers those that are left with 503, and stops. Without
   * `drainMs`, `SERVER_STOPPED_LISTENING` and a last poll come before it returns. Resolves, when all sockets are closed, with true; at
   * once with false if it did not listen.
   */
  async stopListening(drainMs = 0): Promise<boolean> {
    if (this.#port.number === undefined) return false;
    let closed: Promise<void> | undefined;
    if (drainMs > 0) {
      const { clock } = this.#settings;
      const end = clock.now() + drainMs;
      closed = this.#port.close(drainMs);
      while (this.#exchanges.size > 0 && clock.now() < end) await sleep(clock, drainLookMs);
    }
    for (const exchange of this.#exchanges.all()) {
      this.#exchanges.delete(exchange.id);
      exchange.answer('503 Service Unavailable', shutdownText, true);
    }
    closed ??= this.#port.close();
    this.raise('SERVER_STOPPED_LISTENING', webServerMessage('SERVER_STOPPED_LISTENING', serverClientId, 'Going Away'));
    this.stopPolling();
    await closed;
    return true;
  }

  /** @throws BusError `ERR_INVALID_ARGUMENT` for an invalid method, a pattern that cannot match, or one that exists. */
  addRoute(route: string, httpMethod = 'ANY'): void {
    this.#routes.add(route, httpMethod);
  }

  /** Requests that matched before stay valid. False if there was no such route. */
  removeRoute(route: string, httpMethod = 'ANY'): boolean {
    return this.#routes.remove(route, httpMethod);
  }

  getRegisteredRoutes(): RoutingTable;
  getRegisteredRoutes(httpMethod: string): readonly string[];
  getRegisteredRoutes(httpMethod?: string): RoutingTable | readonly string[];
  getRegisteredRoutes(httpMethod?: string): RoutingTable | readonly string[] {
    return httpMethod === undefined ? this.#routes.all() : this.#routes.get(httpMethod);
  }

  override getRequestDetails(id: string): RequestDetails | undefined {
    return this.#exchanges.get(id)?.details;
  }

  /** Sets the status, like `404 Not Found` or 404. False once the answer has begun, and for an unknown id. */
  writeStatus(id: string, status: string | number): boolean {
    return this.#exchanges.get(id)?.writer.writeStatus(status) ?? false;
  }

  /** Adds a header field. False once the answer has begun, and for an unknown id. */
  writeHeader(id: string, name: string, value: string): boolean {
    return this.#exchanges.get(id)?.writer.writeHeader(name, value) ?? false;
  }

  /** Sends a piece of the answer, which stays open. @throws BusError `ERR_QUEUE_FULL` when too much waits already. */
  writeResponse(id: string, data: BodyData): number {
    return this.#exchanges.get(id)?.writer.write(toBuffer(data)) ?? HttpSendStatus.None;
  }

  /** Completes the answer; the id is unknown from then on. */
  sendResponse(id: string, data: BodyData = ''): number {
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined) return HttpSendStatus.None;
    const status = exchange.writer.send(toBuffer(data));
    this.#answered(exchange);
    return status;
  }

  /**
   * Sends as much as the client takes of an answer whose length the first call fixes: that of its data, or `total`. After
   * `Waiting`, the rest has to be given from the offset in `HTTP_CONNECTION_WRITABLE` on.
   */
  streamResponse(id: string, data: BodyData, total?: number): number {
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined) return HttpSendStatus.None;
    const status = exchange.writer.stream(toBuffer(data), total);
    this.#answered(exchange);
    return status;
  }

  /** Stops reading a request's body, so that its sender has to wait. False for an unknown id. */
  pauseRequest(id: string): boolean {
    const exchange = this.#exchanges.get(id);
    exchange?.body.pause('user');
    return exchange !== undefined;
  }

  resumeRequest(id: string): boolean {
    const exchange = this.#exchanges.get(id);
    exchange?.body.resume('user', this.#settings.clock.now());
    return exchange !== undefined;
  }

  /** Cuts the connection of a request; `HTTP_CONNECTION_ABORTED` follows. */
  abortRequest(id: string): boolean {
    const exchange = this.#exchanges.get(id);
    exchange?.abort();
    return exchange !== undefined;
  }

  protected override pauseSenders(): void {
    for (const exchange of this.#exchanges.all()) exchange.body.pause('queue');
  }

  protected override resumeSenders(): void {
    const now = this.#settings.clock.now();
    for (const exchange of this.#exchanges.all()) exchange.body.resume('queue', now);
  }

  protected override handlerFailed(event: AnyEventName, payload: WebServerMessage | undefined, error: unknown): void {
    super.handlerFailed(event, payload, error);
    const exchange = payload === undefined ? undefined : this.#exchanges.get(payload.clientID);
    if (exchange !== undefined) this.#giveUp(exchange, '500 Internal Server Error');
  }

  #accept(request: IncomingMessage, response: ServerResponse, continues: boolean): void {
    const settings = this.#settings;
    const path = splitTarget(request.url ?? '').url;
    const match = this.#routes.find(request.method ?? '', path);
    const unanswered = (this.#unanswered.get(request.socket) ?? 0) + 1;
    if (request.httpVersionMajor !== 1) return this.#refuse(request, response, 505, true);
    if (hostsOf(request) > 1) return this.#refuse(request, response, 400, true);
    if (request.rawHeaders.length > settings.maxHeaders * 2) return this.#refuse(request, response, 431, true);
    if (Number(request.headers['content-length'] ?? 0) > settings.maxBodyBytes)
      return this.#refuse(request, response, 413, true);
    if (unanswered > settings.maxPipelinedRequests) return void request.socket.destroy();
    if (match === undefined) return this.#refuse(request, response, 404);
    if (this.queueFull || this.#exchanges.size >= settings.maxRequests) return this.#refuse(request, response, 503);
    this.#unanswered.set(request.socket, unanswered);
    if (continues) response.writeContinue();
    const exchange = this.#exchanges.add(
      (id) => new HttpExchange(id, request, response, match, settings, this.#events),
    );
    this.raise('HTTP_REQUEST_STARTED', webServerMessage('HTTP_REQUEST_STARTED', exchange.id));
    exchange.body.start();
    if (this.queueFull) exchange.body.pause('queue');
  }

  #refuse(request: IncomingMessage, response: ServerResponse, code: number, close = false): void {
    this.refused += 1;
    refuse(request, response, code, this.#settings.clock, close);
  }

  readonly #events = {
    raise: (exchange: HttpExchange, name: MiddleEventName, message: Buffer | string, extras?: EventExtras): void => {
      if (this.#exchanges.get(exchange.id) === undefined) return;
      this.raise(name, webServerMessage(name, exchange.id, message, extras));
      if (name !== 'HTTP_DATA_RECEIVED' || !this.queueFull || this.#settings.whenQueueFull === 'wait') return;
      this.#giveUp(exchange, '503 Service Unavailable');
    },
    aborted: (exchange: HttpExchange): void => {
      if (!this.#exchanges.delete(exchange.id)) return;
      this.raise('HTTP_CONNECTION_ABORTED', webServerMessage('HTTP_CONNECTION_ABORTED', exchange.id));
    },
    tooLarge: (exchange: HttpExchange): void => this.#giveUp(exchange, '413 Payload Too Large'),
    closed: (exchange: HttpExchange): void => {
      this.#exchanges.release(exchange);
      const left = (this.#unanswered.get(exchange.socket) ?? 1) - 1;
      this.#unanswered.set(exchange.socket, left);
    },
  };

  #answered(exchange: HttpExchange): void {
    if (exchange.writer.ended) this.#exchanges.delete(exchange.id);
  }

  /** Answers in place of the application, which gets `HTTP_CONNECTION_ABORTED`. */
  #giveUp(exchange: HttpExchange, status: string): void {
    if (!this.#exchanges.delete(exchange.id)) return;
    this.raise('HTTP_CONNECTION_ABORTED', webServerMessage('HTTP_CONNECTION_ABORTED', exchange.id));
    exchange.answer(status, status.slice(4));
  }

  #sweep(now: number): void {
    for (const exchange of this.#exchanges.live()) {
      const cause = exchange.overdue(now, this.#settings);
      if (cause === 'body') this.#giveUp(exchange, '408 Request Timeout');
      else if (cause === 'answer') this.#giveUp(exchange, '504 Gateway Timeout');
      else if (cause === 'drain') exchange.abort();
    }
  }
}
