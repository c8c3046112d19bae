import { asBusError } from '../../base/errors.ts';
import type { BodyData } from './body-data.ts';
import { toBuffer } from './body-data.ts';
import type { EventSourceOptions } from './event-source.ts';
import type { HeadData } from './face-message.ts';
import type { AnyEventName, WebServerMessage } from './gateway-event.ts';
import { serverClientId, webServerMessage } from './gateway-event.ts';
import type { GatewayLine } from './gateway-line.ts';
import type { RequestDetails } from './http-exchange.ts';
import { RequestAccessors } from './request-accessors.ts';
import { ResponseHead } from './response-head.ts';
import { HttpSendStatus } from './response-writer.ts';
import type { RoutingTable } from './route-table.ts';
import type { ShareOptions } from './share.ts';

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

/** The gateway's `HttpServer` as a bus peer sees it: its own routes, the requests given to it, the same functions. */
export class RemoteHttp extends RequestAccessors {
  readonly #line: GatewayLine;
  readonly #routes: AddedRoute[] = [];
  readonly #requests = new Map<string, Answering>();

  constructor(line: GatewayLine, settings: EventSourceOptions) {
    super(settings);
    this.#line = line;
  }

  /**
   * Adds a route whose requests come here, shared with the other peers that add it. Resolves when the gateway has it;
   * before the client is connected at once, and it is added on every new session. Rejects `ERR_INVALID_ARGUMENT`,
   * `ERR_REFUSED`, `ERR_STATE` where the gateway serves no HTTP.
   */
  async addRoute(route: string, httpMethod = 'ANY', share: ShareOptions = {}): Promise<void> {
    const added = { route, method: httpMethod, share };
    if (this.#line.open) await this.#line.ask(['addRoute', route, httpMethod, plain(share)]);
    this.#routes.push(added);
  }

  /** False where this peer has no such route. Requests that were given already stay. */
  async removeRoute(route: string, httpMethod = 'ANY'): Promise<boolean> {
    const index = this.#routes.findIndex((each) => each.route === route && each.method === httpMethod);
    if (index === -1) return false;
    this.#routes.splice(index, 1);
    if (this.#line.open) await this.#line.ask(['removeRoute', route, httpMethod]);
    return true;
  }

  /** All routes of the server, of this peer and others. */
  getRegisteredRoutes(): Promise<RoutingTable>;
  getRegisteredRoutes(httpMethod: string): Promise<readonly string[]>;
  async getRegisteredRoutes(httpMethod?: string): Promise<RoutingTable | readonly string[]> {
    const routes = await this.#line.ask(['http', 'getRegisteredRoutes', [httpMethod ?? null]]);
    return routes as RoutingTable | readonly string[];
  }

  /** Starts the server unless it listens; resolves its port. Rejects `ERR_REFUSED` unless peers may do that. */
  async startListening(port?: number): Promise<number> {
    return (await this.#line.ask(['http', 'startListening', [port ?? null]])) as number;
  }

  /** Rejects `ERR_REFUSED` unless peers may do that. */
  async stopListening(): Promise<boolean> {
    return (await this.#line.ask(['http', 'stopListening', []])) === true;
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
      status = (await this.#line.ask(['write', id, headOf(request), piece], true)) as number;
      if (status === HttpSendStatus.None) break;
    }
    return status;
  }

  /** Resolves when the answer is on its way to the gateway; the id is unknown from the call on. */
  async sendResponse(id: string, data: BodyData = ''): Promise<number> {
    const request = this.#requests.get(id);
    if (request === undefined) return HttpSendStatus.None;
    const bytes = toBuffer(data);
    this.#requests.delete(id);
    if (bytes.length <= pieceBytes) {
      await this.#line.send(['answer', id, headOf(request), bytes]);
      return HttpSendStatus.SentAndEnded;
    }
    const [last = bytes, ...before] = pieces(bytes).toReversed();
    const writes = before.toReversed().map((piece) => this.#line.ask(['write', id, headOf(request), piece], true));
    await this.#line.send(['answer', id, headOf(request), last]);
    await Promise.all(writes);
    return HttpSendStatus.SentAndEnded;
  }

  /**
   * Sends an answer whose length the first call fixes: that of its data, unless `total` says more is to come. Resolves
   * when the client took all of `data`; with `None` when the request is unknown or its client left.
   */
  async streamResponse(id: string, data: BodyData, total?: number): Promise<number> {
    const request = this.#requests.get(id);
    if (request === undefined) return HttpSendStatus.None;
    const bytes = toBuffer(data);
    let status: number = HttpSendStatus.None;
    for (const piece of pieces(bytes)) {
      const question = ['stream', id, headOf(request), piece, total ?? bytes.length] as const;
      status = (await this.#line.ask(question, true)) as number;
      if (status === HttpSendStatus.None) break;
    }
    if ((status & HttpSendStatus.Ended) !== 0) this.#requests.delete(id);
    return status;
  }

  /** Stops the reading of a request's body, so that its sender has to wait. */
  pauseRequest(id: string): boolean {
    return this.#tell(id, ['hold', id, true]);
  }

  resumeRequest(id: string): boolean {
    return this.#tell(id, ['hold', id, false]);
  }

  /** Cuts the connection of a request; `HTTP_CONNECTION_ABORTED` follows. */
  abortRequest(id: string): boolean {
    return this.#tell(id, ['abort', id]);
  }

  /** For the plugin: a request was given to this peer. */
  receiveRequest(id: string, details: RequestDetails): void {
    this.#requests.set(id, { details, head: new ResponseHead(), headSent: false });
    this.raise('HTTP_REQUEST_STARTED', webServerMessage('HTTP_REQUEST_STARTED', id));
  }

  /** For the plugin: a piece of a body came. Its handlers' promises hold the next ones back. */
  receiveBody(id: string, chunk: Buffer, last: boolean): void {
    if (!this.#requests.has(id)) return;
    const event = last ? 'HTTP_REQUEST_FINISHED' : 'HTTP_DATA_RECEIVED';
    const took = (): void => {
      if (!last) this.#line.post(['took', id, chunk.length]);
    };
    const handled = this.raiseAndWait(event, webServerMessage(event, id, chunk));
    if (handled === undefined) took();
    else void handled.then(took);
  }

  /** For the plugin: the client of a request left. */
  receiveAborted(id: string): void {
    if (!this.#requests.delete(id)) return;
    this.raise('HTTP_CONNECTION_ABORTED', webServerMessage('HTTP_CONNECTION_ABORTED', id));
  }

  /** For the plugin: the server started or stopped. */
  receiveServer(event: 'SERVER_STARTED_LISTENING' | 'SERVER_STOPPED_LISTENING', text: string): void {
    this.raise(event, webServerMessage(event, serverClientId, text));
  }

  /** For the plugin: a new session; the gateway has to hear of the routes again. */
  sessionStarted(): void {
    this.startPolling();
    for (const { route, method, share } of this.#routes) {
      this.#line.ask(['addRoute', route, method, plain(share)]).catch((error: unknown) => this.#line.report(error));
    }
  }

  /** For the plugin: the session is over, and with it every request. */
  sessionEnded(): void {
    for (const id of [...this.#requests.keys()]) this.receiveAborted(id);
    this.stopPolling();
  }

  /** For the plugin: no event follows. */
  dispose(): void {
    this.stopPolling();
  }

  /** A handler's bug reaches the bus, and who listens for it here. */
  protected override report(error: unknown, clientID?: string): void {
    const known = asBusError(error, 'ERR_LISTENER');
    this.#line.report(known);
    this.raiseFailure(known, clientID);
  }

  protected override holdBack(): void {}

  protected override letGo(): void {}

  protected override handlerFailed(event: AnyEventName, payload: WebServerMessage | undefined, error: unknown): void {
    if (!this.#line.saidBefore(error)) super.handlerFailed(event, payload, error);
    const id = payload?.clientID ?? '';
    const request = this.#requests.get(id);
    if (request === undefined) return;
    if (request.headSent) {
      this.abortRequest(id);
      return;
    }
    this.writeStatus(id, 500);
    this.sendResponse(id, 'Internal Server Error').catch((failure: unknown) => this.#line.report(failure));
  }

  #tell(id: string, frame: readonly ['hold', string, boolean] | readonly ['abort', string]): boolean {
    if (!this.#requests.has(id)) return false;
    this.#line.post(frame);
    return true;
  }
}

/** Status and fields, the first time they are asked for. */
function headOf(request: Answering): HeadData {
  if (request.headSent) return null;
  request.headSent = true;
  const { code, reason, fields } = request.head;
  return [code === 200 ? null : `${code} ${reason}`, fields];
}

/** `data` in pieces that fit any message limit; at least one. */
function pieces(data: Buffer): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at === 0 || at < data.length; at += pieceBytes) all.push(data.subarray(at, at + pieceBytes));
  return all;
}

function plain({ share, key }: ShareOptions): ShareOptions {
  return { ...(share && { share }), ...(key && { key }) };
}
