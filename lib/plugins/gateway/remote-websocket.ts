import { asBusError } from '../../base/errors.ts';
import type { BodyData } from './body-data.ts';
import type { EventSourceOptions } from './event-source.ts';
import { EventSource } from './event-source.ts';
import type { AnyEventName, GatewayEventName, WebServerMessage } from './gateway-event.ts';
import { serverClientId, webServerMessage } from './gateway-event.ts';
import type { GatewayLine } from './gateway-line.ts';
import type { ShareOptions } from './share.ts';
import type { UpgradeDetails } from './upgrade-gate.ts';
import type { WebSocketEventName } from './websocket-server.ts';

/** The gateway's `WebSocketServer` as a bus peer sees it: the clients given to it, and the same functions. */
export class RemoteWebSocket extends EventSource<WebSocketEventName> {
  readonly #line: GatewayLine;
  readonly #clients = new Map<string, UpgradeDetails>();
  #share: ShareOptions | undefined;

  constructor(line: GatewayLine, settings: EventSourceOptions) {
    super(settings);
    this.#line = line;
  }

  /**
   * Takes clients, shared with the other peers that do. Resolves when the gateway knows; before the client is connected
   * at once, and again on every new session. Rejects `ERR_INVALID_ARGUMENT`, `ERR_REFUSED`, `ERR_STATE` where the
   * gateway has no WebSocket server.
   */
  async takeClients(share: ShareOptions = {}): Promise<void> {
    if (this.#line.open) await this.#line.ask(['addClients', { ...share }]);
    this.#share = share;
  }

  /** Gives this peer's clients to others, and takes no more. False if it took none. */
  async releaseClients(): Promise<boolean> {
    if (this.#share === undefined) return false;
    this.#share = undefined;
    this.#clients.clear();
    if (this.#line.open) await this.#line.ask(['removeClients']);
    return true;
  }

  /** Starts the server unless it listens; resolves its port. Rejects `ERR_REFUSED` unless peers may do that. */
  async startListening(port?: number): Promise<number> {
    return (await this.#call('startListening', port ?? null)) as number;
  }

  /** Rejects `ERR_REFUSED` unless peers may do that. */
  async stopListening(): Promise<boolean> {
    return (await this.#call('stopListening')) === true;
  }

  /** Rejects `ERR_REFUSED` unless peers may do that. */
  async setEchoMode(enabled: boolean): Promise<void> {
    await this.#call('setEchoMode', enabled);
  }

  /** Those of all peers. */
  async getNumConnectedClients(): Promise<number> {
    return (await this.#call('getNumConnectedClients')) as number;
  }

  /** Those of all peers, likewise. */
  async getClientIds(): Promise<readonly string[]> {
    return (await this.#call('getClientIds')) as readonly string[];
  }

  /** The request by which a client of this peer's connected; undefined for any other. */
  getClientDetails(id: string): UpgradeDetails | undefined {
    return this.#clients.get(id);
  }

  getRemoteAddress(id: string): string | undefined {
    return this.#clients.get(id)?.remoteAddress;
  }

  /** Resolves when the client can take more; with `DROPPED` when it left. So do the two that follow. */
  sendTextMessageToClient(id: string, text: BodyData): Promise<number> {
    return this.#send('sendTextMessageToClient', id, text);
  }

  sendBinaryMessageToClient(id: string, data: BodyData): Promise<number> {
    return this.#send('sendBinaryMessageToClient', id, data);
  }

  sendCompressedTextMessageToClient(id: string, text: BodyData): Promise<number> {
    return this.#send('sendCompressedTextMessageToClient', id, text);
  }

  /** To every client of the server, those of other peers too. */
  broadcastTextMessage(text: BodyData): Promise<number> {
    return this.#send('broadcastTextMessage', text);
  }

  broadcastBinaryMessage(data: BodyData): Promise<number> {
    return this.#send('broadcastBinaryMessage', data);
  }

  broadcastCompressedTextMessage(text: BodyData): Promise<number> {
    return this.#send('broadcastCompressedTextMessage', text);
  }

  async subscribe(id: string, topic: string): Promise<boolean> {
    return (await this.#call('subscribe', id, topic)) === true;
  }

  async unsubscribe(id: string, topic: string): Promise<boolean> {
    return (await this.#call('unsubscribe', id, topic)) === true;
  }

  async getTopics(id: string): Promise<readonly string[]> {
    return (await this.#call('getTopics', id)) as readonly string[];
  }

  publishText(topic: string, text: BodyData): Promise<number> {
    return this.#send('publishText', topic, text);
  }

  publishBinary(topic: string, data: BodyData): Promise<number> {
    return this.#send('publishBinary', topic, data);
  }

  async closeClient(id: string, code = 1000, reason = ''): Promise<boolean> {
    return (await this.#call('closeClient', id, code, reason)) === true;
  }

  /** To every client of the server, those of other peers too; resolves how many there were. */
  async closeAll(code = 1000, reason = ''): Promise<number> {
    return (await this.#call('closeAll', code, reason)) as number;
  }

  async pauseClient(id: string): Promise<boolean> {
    return (await this.#call('pauseClient', id)) === true;
  }

  async resumeClient(id: string): Promise<boolean> {
    return (await this.#call('resumeClient', id)) === true;
  }

  /** For the plugin: a client was given to this peer. */
  receiveClient(id: string, details: UpgradeDetails): void {
    this.#clients.set(id, details);
    this.#tell('WEBSOCKET_CONNECTION_ESTABLISHED', id);
  }

  /** For the plugin: a client spoke. Handlers' promises hold its next messages back. */
  receiveMessage(id: string, isBinary: boolean, data: Buffer): void {
    if (!this.#clients.has(id)) return;
    const took = (): void => this.#line.post(['took', id, data.length]);
    const payload = webServerMessage('WEBSOCKET_MESSAGE_RECEIVED', id, data, { isBinary });
    const handled = this.raiseAndWait('WEBSOCKET_MESSAGE_RECEIVED', payload);
    if (handled === undefined) took();
    else void handled.then(took);
  }

  /** For the plugin: a client left. */
  receiveClosed(id: string, code: number, reason: string): void {
    if (!this.#clients.delete(id)) return;
    const payload = webServerMessage('WEBSOCKET_CONNECTION_CLOSED', id, reason, { code });
    this.raise('WEBSOCKET_CONNECTION_CLOSED', payload);
  }

  /** For the plugin: a client caught up, or lost a message. */
  receiveNotice(event: 'WEBSOCKET_DRAINED' | 'WEBSOCKET_DROPPED', id: string, text: string): void {
    if (this.#clients.has(id)) this.#tell(event, id, text);
  }

  /** For the plugin: the server started or stopped. */
  receiveServer(event: 'SERVER_STARTED_LISTENING' | 'SERVER_STOPPED_LISTENING', text: string): void {
    this.#tell(event, serverClientId, text);
  }

  /** For the plugin: a new session. */
  sessionStarted(): void {
    this.startPolling();
    if (this.#share === undefined) return;
    this.#line.ask(['addClients', { ...this.#share }]).catch((error: unknown) => this.#line.report(error));
  }

  /** For the plugin: the session is over; the gateway gives its clients to others. */
  sessionEnded(): void {
    for (const id of [...this.#clients.keys()]) this.receiveClosed(id, 1006, 'The gateway is out of reach');
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
  }

  #tell(event: GatewayEventName, id: string, text = ''): void {
    this.raise(event, webServerMessage(event, id, text));
  }

  async #send(verb: string, ...args: readonly (string | BodyData)[]): Promise<number> {
    return (await this.#line.ask(['websocket', verb, args], true)) as number;
  }

  #call(verb: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#line.ask(['websocket', verb, args]);
  }
}
