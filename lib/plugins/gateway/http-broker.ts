import type { Clock, Timer } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { BrokeredRequest } from './brokered-request.ts';
import type { HeadData } from './face-message.ts';
import type { FaceSettings } from './face-options.ts';
import type { WebServerMessage } from './gateway-event.ts';
import type { HttpServer } from './http-server.ts';
import { IdMap } from './id-map.ts';
import { HttpSendStatus } from './response-writer.ts';
import type { ShareOptions } from './share.ts';
import { Share } from './share.ts';
import type { Worker } from './worker.ts';

/** Gives the requests of routes that bus peers added to those peers, and their answers to the server. */
export class HttpBroker {
  readonly #http: HttpServer;
  readonly #settings: FaceSettings;
  readonly #clock: Clock;
  readonly #shares = new Map<string, Share>();
  readonly #requests = new IdMap<BrokeredRequest>();
  /** Routes without a worker, which wait for one. */
  readonly #retired = new Map<string, Timer>();

  constructor(http: HttpServer, settings: FaceSettings, clock: Clock) {
    this.#http = http;
    this.#settings = settings;
    this.#clock = clock;
    http.on('HTTP_REQUEST_STARTED', (_, { clientID }) => this.#started(clientID));
    http.on('HTTP_DATA_RECEIVED', (_, payload) => this.#body('data', payload));
    http.on('HTTP_REQUEST_FINISHED', (_, payload) => this.#body('finished', payload));
    http.on('HTTP_CONNECTION_ABORTED', (_, { clientID }) => this.#aborted(clientID));
    http.on('HTTP_CONNECTION_WRITABLE', (_, { clientID, offset }) => this.#requests.get(clientID)?.wake(offset));
    http.on('SERVER_STOPPED_LISTENING', () => {
      for (const { id } of this.#requests.all()) this.#aborted(id);
      for (const key of this.#retired.keys()) this.#retire(key);
    });
  }

  /** @throws BusError `ERR_INVALID_ARGUMENT` */
  addRoute(worker: Worker, route: string, method: string, options: ShareOptions): void {
    if (options.share === 'all') throw new BusError('ERR_INVALID_ARGUMENT', 'a request has one answer, not one of all');
    const key = keyOf(route, method);
    const existing = this.#shares.get(key);
    const share = existing ?? new Share(options);
    share.add(worker, options);
    if (existing === undefined) {
      this.#http.addRoute(route, method);
      this.#shares.set(key, share);
    }
    this.#retired.get(key)?.cancel();
    this.#retired.delete(key);
    for (const request of this.#requests.all()) if (request.worker === undefined) this.#assign(request);
  }

  removeRoute(worker: Worker, route: string, method: string): boolean {
    const key = keyOf(route, method);
    const share = this.#shares.get(key);
    if (share === undefined || !share.delete(worker)) return false;
    if (share.workers.length === 0) this.#forget(route, method);
    return true;
  }

  /** The worker will not come back: what it has not begun goes to others, the rest is answered 502. */
  gone(worker: Worker): void {
    for (const [key, share] of this.#shares) {
      if (share.delete(worker) && share.workers.length === 0) this.#retire(key);
    }
    for (const request of this.#requests.all()) {
      if (request.worker !== worker) continue;
      if (request.release()) this.#assign(request);
      else this.#fail(request);
    }
  }

  took(worker: Worker, id: string, bytes: number): void {
    const request = this.#owned(worker, id);
    if (request === undefined) return;
    request.untaken = Math.max(0, request.untaken - bytes);
    this.#pace(request);
  }

  hold(worker: Worker, id: string, hold: boolean): void {
    const request = this.#owned(worker, id);
    if (request === undefined) return;
    request.held = hold;
    this.#pace(request);
  }

  abort(worker: Worker, id: string): void {
    if (this.#owned(worker, id) !== undefined) this.#http.abortRequest(id);
  }

  /** Undefined when it was answered at once, without waiting for earlier writes. @throws BusError `ERR_INVALID_ARGUMENT` */
  answer(worker: Worker, id: string, head: HeadData, data: Buffer): Promise<void> | undefined {
    const request = this.#owned(worker, id);
    if (request === undefined) return undefined;
    if (!request.turns.idle) return request.turns.run(() => this.#answer(id, head, data));
    this.#answer(id, head, data);
    return undefined;
  }

  /** Resolves when the client can take more, with `None` when it left. */
  async write(worker: Worker, id: string, head: HeadData, data: Buffer): Promise<number> {
    const request = this.#owned(worker, id);
    if (request === undefined) return HttpSendStatus.None;
    return request.turns.run(async () => {
      this.#setHead(id, head);
      const status = this.#http.writeResponse(id, data);
      if (status !== HttpSendStatus.Waiting) return status;
      return (await request.writable()) === undefined ? HttpSendStatus.None : HttpSendStatus.Sent;
    });
  }

  /** Resolves when all of `data` was taken, with `None` when the client left. */
  async stream(worker: Worker, id: string, head: HeadData, data: Buffer, total: number): Promise<number> {
    const request = this.#owned(worker, id);
    if (request === undefined) return HttpSendStatus.None;
    return request.turns.run(async () => {
      this.#setHead(id, head);
      const end = request.streamed + data.length;
      for (;;) {
        const rest = data.subarray(data.length - (end - request.streamed));
        const status = this.#http.streamResponse(id, rest, total);
        if ((status & HttpSendStatus.Ended) !== 0) this.#requests.delete(id);
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

  #answer(id: string, head: HeadData, data: Buffer): void {
    if (!this.#requests.delete(id)) return;
    this.#setHead(id, head);
    this.#http.sendResponse(id, data);
  }

  #started(id: string): void {
    const details = this.#http.getRequestDetails(id);
    if (details === undefined || !this.#shares.has(keyOf(details.endpoint, details.endpointMethod))) return;
    const request = new BrokeredRequest(id, details);
    this.#requests.set(request);
    this.#assign(request);
  }

  #body(kind: 'data' | 'finished', { clientID, message }: WebServerMessage): void {
    const request = this.#requests.get(clientID);
    if (request === undefined || request.whole) return;
    request.untaken += message.length;
    request.tell([kind, clientID, message]);
    this.#pace(request);
  }

  #aborted(id: string): void {
    const request = this.#requests.get(id);
    if (request === undefined) return;
    this.#requests.delete(id);
    request.end();
    request.worker?.send(['aborted', id]);
  }

  /** Gives the request to a worker of its route, or lets it wait for one. */
  #assign(request: BrokeredRequest): void {
    const { endpoint, endpointMethod } = request.details;
    const worker = this.#shares.get(keyOf(endpoint, endpointMethod))?.pick(request.details);
    if (worker !== undefined) {
      request.give(worker);
      this.#pace(request);
      return;
    }
    if (request.orphaned !== undefined) return;
    request.orphaned = this.#clock.setTimer(() => this.#fail(request), this.#settings.graceMs);
    this.#pace(request);
  }

  /** Reads the body only as far as a worker takes it. */
  #pace(request: BrokeredRequest): void {
    if (request.whole) return;
    const { windowBytes } = this.#settings;
    if (request.held || request.untaken > windowBytes) this.#http.pauseRequest(request.id);
    else if (request.untaken <= windowBytes / 2) this.#http.resumeRequest(request.id);
  }

  #owned(worker: Worker, id: string): BrokeredRequest | undefined {
    const request = this.#requests.get(id);
    return request?.worker === worker ? request : undefined;
  }

  #setHead(id: string, head: HeadData): void {
    if (head === null) return;
    const [status, fields] = head;
    if (status !== null) this.#http.writeStatus(id, status);
    for (const [name, value] of fields) this.#http.writeHeader(id, name, value);
  }

  /** Nobody answers: 502, or the end of the connection where an answer has begun. */
  #fail(request: BrokeredRequest): void {
    const { id } = request;
    this.#requests.delete(id);
    request.end();
    if (!this.#http.writeStatus(id, '502 Bad Gateway')) {
      this.#http.abortRequest(id);
      return;
    }
    this.#http.writeHeader(id, 'Content-Type', 'text/plain');
    this.#http.sendResponse(id, 'Bad Gateway');
  }

  /** A route whose last worker is gone stays for the grace time, in which a new one may come. */
  #retire(key: string): void {
    this.#retired.get(key)?.cancel();
    const [method = '', route = ''] = split(key);
    const retire = (): void => this.#forget(route, method);
    if (this.#http.port === undefined) retire();
    else this.#retired.set(key, this.#clock.setTimer(retire, this.#settings.graceMs));
  }

  #forget(route: string, method: string): void {
    const key = keyOf(route, method);
    this.#retired.get(key)?.cancel();
    this.#retired.delete(key);
    this.#shares.delete(key);
    this.#http.removeRoute(route, method);
  }

  /** Ends all timers and waits. */
  dispose(): void {
    for (const key of [...this.#shares.keys()]) {
      const [method = '', route = ''] = split(key);
      this.#forget(route, method);
    }
    for (const request of this.#requests.all()) this.#fail(request);
  }
}

function keyOf(route: string, method: string): string {
  return `${method} ${route}`;
}

function split(key: string): readonly string[] {
  const space = key.indexOf(' ');
  return [key.slice(0, space), key.slice(space + 1)];
}
