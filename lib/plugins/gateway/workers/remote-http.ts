import type { EventSourceOptions } from '../event-source.ts';
import {
  type AnyEventName,
  type BodyData,
  type WebServerMessage,
  creditOf,
  eventTypeIds,
  serverClientId,
  toBuffer,
  webServerMessage,
} from '../gateway-event.ts';
import type { HttpServer } from '../http/http-server.ts';
import { HttpSendStatus, ResponseHead } from '../http/response-writer.ts';
import type { RoutingTable } from '../http/route-table.ts';
import { RequestAccessors, type RequestDetails } from '../request-details.ts';
import { defineVerbs, httpVerbs, type RemoteVerbs } from './verbs.ts';
import type { WorkerClient } from './worker-client.ts';
import { eventOf, type EventFrame, type HeadData, type ShareOptions, type WorkerNote } from './worker-protocol.ts';

interface Answering {
  readonly details: RequestDetails;
  readonly head: ResponseHead;
  headSent: boolean;
}

interface AddedRoute {
  readonly route: string;
  readonly method: string;
  readonly share: ShareOptions;
}

const pieceBytes = 262_144;

/** The methods of the gateway's `HttpServer` that a worker may call. */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- `defineVerbs` makes these methods
export interface RemoteHttp extends Omit<RemoteVerbs<typeof httpVerbs, HttpServer>, 'getRegisteredRoutes'> {
  /** All routes of the server, those of other workers too. */
  getRegisteredRoutes(): Promise<RoutingTable>;
  getRegisteredRoutes(httpMethod: string): Promise<readonly string[]>;
}

/** The gateway's `HttpServer` as a worker has it: its own routes, the requests given to it, the same methods. */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- `defineVerbs` makes these methods
export class RemoteHttp extends RequestAccessors {
  static {
    defineVerbs(this.prototype, httpVerbs, (remote, name, args, patient) =>
      remote.#worker.request(['http', name, args], patient),
    );
  }

  readonly #worker: WorkerClient;
  readonly #routes: AddedRoute[] = [];
  readonly #requests = new Map<string, Answering>();

  /** @internal */
  constructor(worker: WorkerClient, settings: EventSourceOptions) {
    super(settings, worker);
    this.#worker = worker;
    worker.attach('http', {
      started: () => this.#started(),
      ended: () => this.#ended(),
      event: (frame) => this.#receive(frame),
      lost: (prefix) => this.#abortAll(prefix),
      disposed: () => this.stopPolling(),
    });
  }

  /**
   * Adds a route whose requests come here, shared with other workers that add it. Resolves when the gateway has added it,
   * at once before the client is connected. It is added again on every new session. Rejects with `ERR_INVALID_ARGUMENT`,
   * `ERR_REFUSED`, `ERR_STATE` if the gateway has no HTTP server.
   */
  async addRoute(route: string, httpMethod = 'ANY', share: ShareOptions = {}): Promise<void> {
    const added = { route, method: httpMethod, share };
    if (this.#worker.open) await this.#worker.request(['addRoute', route, httpMethod, plain(share)]);
    this.#routes.push(added);
  }

  /** False if this worker has no such route. Requests that were given before stay. */
  async removeRoute(route: string, httpMethod = 'ANY'): Promise<boolean> {
    const index = this.#routes.findIndex((each) => each.route === route && each.method === httpMethod);
    if (index === -1) return false;
    this.#routes.splice(index, 1);
    if (this.#worker.open) await this.#worker.request(['removeRoute', route, httpMethod]);
    return true;
  }

  override getRequestDetails(id: string): RequestDetails | undefined {
    return this.#requests.get(id)?.details;
  }

  /** False once the answer has begun, and for an unknown id. @throws BusError `ERR_INVALID_ARGUMENT` */
  writeStatus(id: string, status: string | number): boolean {
    const request = this.#requests.get(id);
    if (request === undefined || request.headSent) return false;
    request.head.setStatus(status);
    return true;
  }

  /** False once the answer has begun, and for an unknown id. @throws BusError `ERR_INVALID_ARGUMENT` */
  writeHeader(id: string, name: string, value: string): boolean {
    const request = this.#requests.get(id);
    if (request === undefined || request.headSent) return false;
    request.head.addField(name, value);
    return true;
  }

  /** Resolves when the client can take more; with `None` when the request is unknown or its client left. */
  async writeResponse(id: string, data: BodyData): Promise<number> {
    const request = this.#requests.get(id);
    if (request === undefined) return HttpSendStatus.None;
    let status: number = HttpSendStatus.Sent;
    for (const piece of pieces(toBuffer(data))) {
      status = (await this.#worker.request(['write', id, headOf(request), piece], true)) as number;
      if (status === HttpSendStatus.None) break;
    }
    return status;
  }

  /** Resolves when the session accepted the answer; the id is unknown from the call on. */
  async sendResponse(id: string, data: BodyData = ''): Promise<number> {
    const request = this.#requests.get(id);
    if (request === undefined) return HttpSendStatus.None;
    const bytes = toBuffer(data);
    this.#requests.delete(id);
    if (bytes.length <= pieceBytes) {
      await this.#worker.send(['answer', id, headOf(request), bytes]);
      return HttpSendStatus.SentAndEnded;
    }
    const [last = bytes, ...before] = pieces(bytes).toReversed();
    const writes = before
      .toReversed()
      .map((piece) => this.#worker.request(['write', id, headOf(request), piece], true));
    await this.#worker.send(['answer', id, headOf(request), last]);
    await Promise.all(writes);
    return HttpSendStatus.SentAndEnded;
  }

  /**
   * Sends an answer whose length the first call fixes: that of its data, or `total`. Resolves when the client took all of
   * `data`, with `None` when the request is unknown or its client left.
   */
  async streamResponse(id: string, data: BodyData, total?: number): Promise<number> {
    const request = this.#requests.get(id);
    if (request === undefined) return HttpSendStatus.None;
    const bytes = toBuffer(data);
    let status: number = HttpSendStatus.None;
    for (const piece of pieces(bytes)) {
      const question = ['stream', id, headOf(request), piece, total ?? bytes.length] as const;
      status = (await this.#worker.request(question, true)) as number;
      if (status === HttpSendStatus.None) break;
    }
    if ((status & HttpSendStatus.Ended) !== 0) this.#requests.delete(id);
    return status;
  }

  /** Stops reading a request's body, so that its sender has to wait. False for an unknown id. */
  pauseRequest(id: string): boolean {
    return this.#post(id, ['hold', id, true]);
  }

  resumeRequest(id: string): boolean {
    return this.#post(id, ['hold', id, false]);
  }

  /** Cuts the connection of a request; `HTTP_CONNECTION_ABORTED` follows. */
  abortRequest(id: string): boolean {
    return this.#post(id, ['abort', id]);
  }

  /** The promises of handlers delay the rest of the body. */
  #receive(frame: EventFrame): void {
    const id = frame[1];
    switch (frame[0]) {
      case eventTypeIds.WEBSOCKET_CONNECTION_ESTABLISHED:
        return;
      case eventTypeIds.HTTP_REQUEST_STARTED:
        this.#requests.set(id, { details: frame[2], head: new ResponseHead(), headSent: false });
        this.raise('HTTP_REQUEST_STARTED', webServerMessage('HTTP_REQUEST_STARTED', id));
        if (frame[3] && this.#requests.has(id)) {
          this.raise('HTTP_REQUEST_FINISHED', webServerMessage('HTTP_REQUEST_FINISHED', id));
        }
        return;
      case eventTypeIds.HTTP_CONNECTION_ABORTED:
        return this.#aborted(id);
      default: {
        if (id !== serverClientId && !this.#requests.has(id)) return;
        const handled = this.raiseAndWait(...eventOf(frame));
        if (frame[0] === eventTypeIds.HTTP_DATA_RECEIVED) this.#worker.took(id, creditOf(frame[2]), handled);
      }
    }
  }

  /** Adds the routes again. */
  #started(): void {
    this.startPolling();
    for (const { route, method, share } of this.#routes) {
      this.#worker
        .request(['addRoute', route, method, plain(share)])
        .catch((error: unknown) => this.#worker.report(error));
    }
  }

  #ended(): void {
    this.#abortAll('');
    this.stopPolling();
  }

  #abortAll(prefix: string): void {
    for (const id of [...this.#requests.keys()]) if (id.startsWith(prefix)) this.#aborted(id);
  }

  protected override handlerFailed(event: AnyEventName, payload: WebServerMessage | undefined, error: unknown): void {
    super.handlerFailed(event, payload, error);
    const id = payload?.clientID ?? '';
    const request = this.#requests.get(id);
    if (request === undefined) return;
    if (request.headSent) {
      this.abortRequest(id);
      return;
    }
    this.writeStatus(id, 500);
    this.sendResponse(id, 'Internal Server Error').catch((failure: unknown) => this.#worker.report(failure));
  }

  #aborted(id: string): void {
    if (!this.#requests.delete(id)) return;
    this.raise('HTTP_CONNECTION_ABORTED', webServerMessage('HTTP_CONNECTION_ABORTED', id));
  }

  #post(id: string, note: WorkerNote): boolean {
    if (!this.#requests.has(id)) return false;
    this.#worker.post(note);
    return true;
  }
}

/** Status and fields for the first frame of an answer; null for the others. */
function headOf(request: Answering): HeadData {
  if (request.headSent) return null;
  request.headSent = true;
  const { code, reason, fields } = request.head;
  return [code === 200 ? null : `${code} ${reason}`, fields];
}

/** `data` in pieces that fit any message limit, at least one. */
function pieces(data: Buffer): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at === 0 || at < data.length; at += pieceBytes) all.push(data.subarray(at, at + pieceBytes));
  return all;
}

function plain({ share, key }: ShareOptions): ShareOptions {
  return { ...(share && { share }), ...(key && { key }) };
}
