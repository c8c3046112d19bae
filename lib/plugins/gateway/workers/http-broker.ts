import { BusError } from '../../../base/errors.ts';
import { hasBody } from '../../../transport/linger.ts';
import { eventTypeIds, passedOn, webServerMessage } from '../gateway-event.ts';
import type { HttpServer } from '../http/http-server.ts';
import { HttpSendStatus } from '../http/response-writer.ts';
import type { RequestDetails } from '../request-details.ts';
import { Broker, type BrokerSettings } from './broker.ts';
import { BrokeredItem } from './brokered-item.ts';
import type { HeadData, ShareOptions } from './worker-protocol.ts';
import type { Worker } from './worker.ts';

/** A request that a worker of its route is to answer. */
class BrokeredRequest extends BrokeredItem<RequestDetails> {
  /** There is no body, so that the first frame says everything. */
  readonly whole: boolean;
  /** Bytes of a streamed answer that were accepted. */
  streamed = 0;

  constructor(id: string, details: RequestDetails, group: string, windowBytes: number) {
    const whole = !hasBody(details.headers);
    const beginning = [eventTypeIds.HTTP_REQUEST_STARTED, id, details, whole] as const;
    super({ id, details, beginning, group, sticky: true, windowBytes });
    this.whole = whole;
  }
}

/** Gives the requests of routes that bus peers added to those peers, and their answers to the server. */
export class HttpBroker extends Broker<BrokeredRequest> {
  readonly #http: HttpServer;

  constructor(http: HttpServer, settings: BrokerSettings) {
    super(settings);
    this.#http = http;
    http.on('HTTP_REQUEST_STARTED', (_, { clientID }) => this.#started(clientID));
    http.on('HTTP_CONNECTION_ABORTED', (_, { clientID }) => this.#aborted(clientID));
    http.on('HTTP_CONNECTION_WRITABLE', (_, { clientID, offset }) => this.items.get(clientID)?.wake(offset));
    http.on('SERVER_STOPPED_LISTENING', () => {
      for (const { id } of this.items.all()) this.#aborted(id);
      this.stopped();
    });
    for (const [name, passing] of Object.entries(passedOn.http)) {
      http.on(name as keyof typeof passedOn.http, (event, payload) => {
        const request = this.items.get(payload.clientID);
        if (request === undefined || (request.whole && event === 'HTTP_REQUEST_FINISHED')) return;
        this.pass(request, payload, passing);
      });
    }
  }

  /** @throws BusError `ERR_INVALID_ARGUMENT` */
  addRoute(worker: Worker, route: string, method: string, options: ShareOptions): void {
    if (options.share === 'all')
      throw new BusError('ERR_INVALID_ARGUMENT', 'A request has one answer, so a route cannot be shared by "all"');
    this.join(worker, keyOf(route, method), options);
  }

  removeRoute(worker: Worker, route: string, method: string): boolean {
    return this.leave(worker, keyOf(route, method));
  }

  hold(worker: Worker, id: string, hold: boolean): void {
    const request = this.#owned(worker, id);
    if (request === undefined) return;
    request.paused = hold;
    this.pace(request);
  }

  abort(worker: Worker, id: string): void {
    if (this.#owned(worker, id) !== undefined) this.#http.abortRequest(id);
  }

  /** Undefined if the answer was sent at once, without waiting for earlier writes. @throws BusError `ERR_INVALID_ARGUMENT` */
  answer(worker: Worker, id: string, head: HeadData, data: Uint8Array): Promise<void> | undefined {
    const request = this.#owned(worker, id);
    if (request === undefined) return undefined;
    if (!request.turns.idle) return request.turns.run(() => this.#answer(id, head, data));
    this.#answer(id, head, data);
    return undefined;
  }

  /** Resolves when the client can take more, with `None` when it left. */
  async write(worker: Worker, id: string, head: HeadData, data: Uint8Array): Promise<number> {
    const request = this.#owned(worker, id);
    if (request === undefined) return HttpSendStatus.None;
    return request.turns.run(async () => {
      this.#setHead(id, head);
      const status = this.#http.writeResponse(id, data);
      if (status !== HttpSendStatus.Waiting) return status;
      return (await request.writable()) === undefined ? HttpSendStatus.None : HttpSendStatus.Sent;
    });
  }

  /** Resolves when all of `data` was accepted, with `None` when the client left. */
  async stream(worker: Worker, id: string, head: HeadData, data: Uint8Array, total: number): Promise<number> {
    const request = this.#owned(worker, id);
    if (request === undefined) return HttpSendStatus.None;
    return request.turns.run(async () => {
      this.#setHead(id, head);
      const end = request.streamed + data.length;
      for (;;) {
        const rest = data.subarray(data.length - (end - request.streamed));
        const status = this.#http.streamResponse(id, rest, total);
        if ((status & HttpSendStatus.Ended) !== 0) this.items.delete(id);
        if (status !== HttpSendStatus.Waiting) {
          request.streamed = end;
          return status;
        }
        const offset = await request.writable();
        if (offset === undefined) return HttpSendStatus.None;
        request.streamed = offset;
      }
    });
  }

  protected override get listening(): boolean {
    return this.#http.port !== undefined;
  }

  protected override pause({ id, whole }: BrokeredRequest): void {
    if (!whole) this.#http.pauseRequest(id);
  }

  protected override resume({ id, whole }: BrokeredRequest): void {
    if (!whole) this.#http.resumeRequest(id);
  }

  /** Answers 502, or cuts the connection if an answer has begun. */
  protected override refuse({ id }: BrokeredRequest): void {
    if (!this.#http.writeStatus(id, '502 Bad Gateway')) {
      this.#http.abortRequest(id);
      return;
    }
    this.#http.writeHeader(id, 'Content-Type', 'text/plain');
    this.#http.sendResponse(id, 'Bad Gateway');
  }

  protected override groupFormed(key: string): void {
    this.#http.addRoute(...routeOf(key));
  }

  protected override groupDissolved(key: string): void {
    this.#http.removeRoute(...routeOf(key));
  }

  #answer(id: string, head: HeadData, data: Uint8Array): void {
    if (!this.items.delete(id)) return;
    this.#setHead(id, head);
    this.#http.sendResponse(id, data);
  }

  #started(id: string): void {
    const details = this.#http.getRequestDetails(id);
    const group = details === undefined ? '' : keyOf(details.endpoint, details.endpointMethod);
    if (details === undefined || !this.hasGroup(group)) return;
    const request = new BrokeredRequest(id, details, group, this.settings.windowBytes);
    this.items.set(request);
    this.assign(request);
  }

  #aborted(id: string): void {
    const request = this.items.get(id);
    if (request !== undefined) this.end(request, webServerMessage('HTTP_CONNECTION_ABORTED', id));
  }

  #owned(worker: Worker, id: string): BrokeredRequest | undefined {
    const request = this.items.get(id);
    return request?.has(worker) === true ? request : undefined;
  }

  #setHead(id: string, head: HeadData): void {
    if (head === null) return;
    const [status, fields] = head;
    if (status !== null) this.#http.writeStatus(id, status);
    for (const [name, value] of fields) this.#http.writeHeader(id, name, value);
  }
}

/** One group for each route. */
function keyOf(route: string, method: string): string {
  return `${method} ${route}`;
}

function routeOf(key: string): [route: string, method: string] {
  const space = key.indexOf(' ');
  return [key.slice(space + 1), key.slice(0, space)];
}
