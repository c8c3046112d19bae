import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { BusError } from '../../../base/errors.ts';
import { resolveOptions } from '../../../base/options.ts';
import { ConnectionTable } from '../connection-table.ts';
import { EventSource } from '../event-source.ts';
import {
  type BodyData,
  type GatewayEventName,
  type WebSocketEventName,
  serverClientId,
  toBuffer,
  webServerMessage,
} from '../gateway-event.ts';
import type { UpgradeDetails } from '../request-details.ts';
import {
  DEFAULT_PORT,
  type WebSocketServerOptions,
  webSocketServerOptions,
  type WebSocketServerSettings,
} from '../server-options.ts';
import { ServerPort } from '../server-port.ts';
import { TopicTable } from './topic-table.ts';
import { UpgradeHandler } from './upgrade-handler.ts';
import { type NoticeName, SendStatus, WebSocketConnection } from './websocket-connection.ts';

/** A WebSocket server that identifies clients by opaque ids, reports them by events and sends by method calls. */
export class WebSocketServer extends EventSource<WebSocketEventName> {
  static readonly DEFAULT_PORT = DEFAULT_PORT;
  readonly DEFAULT_PORT = DEFAULT_PORT;
  readonly #settings: WebSocketServerSettings;
  readonly #clients = new ConnectionTable<WebSocketConnection>();
  readonly #topics = new TopicTable();
  readonly #upgrades: UpgradeHandler;
  readonly #port: ServerPort;
  #echo = false;

  constructor(options: WebSocketServerOptions = {}) {
    const settings = resolveOptions('WebSocketServer', webSocketServerOptions, options);
    super(settings);
    this.#settings = settings;
    this.#upgrades = new UpgradeHandler({
      settings,
      clock: settings.clock,
      autoPong: false,
      maxMessageBytes: settings.maxPayloadBytes,
      perMessageDeflate: settings.compression && {
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
        threshold: 0,
      },
      handleProtocols: (offered) => [...offered][0] ?? false,
      report: (error) => this.report(error),
    });
    const shortestMs = Math.min(settings.idleTimeoutMs, settings.drainTimeoutMs, settings.closeTimeoutMs);
    this.#port = new ServerPort(
      { ...settings, name: 'WebSocketServer', shortestMs },
      {
        upgrade: (request, socket, head) => this.#upgrade(request, socket, head),
        sweep: (now) => {
          for (const client of this.#clients.live()) client.check(now);
        },
        error: (error) => this.report(error),
      },
    );
  }

  /** The bound port while the server listens. */
  get port(): number | undefined {
    return this.#port.number;
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
    this.#tell('SERVER_STARTED_LISTENING', serverClientId, String(bound));
    return bound;
  }

  /**
   * Drops every client without a close frame and stops; their `WEBSOCKET_CONNECTION_CLOSED`, then
   * `SERVER_STOPPED_LISTENING` and a last poll come before it returns. Resolves, when all sockets are closed, with true;
   * at once with false if it did not listen.
   */
  async stopListening(): Promise<boolean> {
    if (this.#port.number === undefined) return false;
    const closed = this.#port.close();
    for (const client of this.#clients.live()) client.kill('');
    this.#tell('SERVER_STOPPED_LISTENING', serverClientId, 'Going Away');
    this.stopPolling();
    await closed;
    return true;
  }

  /** @internal Upgrades that were refused. In `stats().plugins.gateway`. */
  get refused(): number {
    return this.#upgrades.refused;
  }

  getNumConnectedClients(): number {
    return this.#clients.size;
  }

  /** The ids of all clients. */
  getClientIds(): readonly string[] {
    return this.#clients.all().map(({ id }) => id);
  }

  /** The request by which a client connected; undefined for an unknown one. */
  getClientDetails(id: string): UpgradeDetails | undefined {
    return this.#clients.get(id)?.details;
  }

  getRemoteAddress(id: string): string | undefined {
    return this.#clients.get(id)?.details.remoteAddress;
  }

  sendTextMessageToClient(id: string, text: BodyData): number {
    return this.#clients.get(id)?.send(toBuffer(text), false, false) ?? SendStatus.DROPPED;
  }

  sendBinaryMessageToClient(id: string, data: BodyData): number {
    return this.#clients.get(id)?.send(toBuffer(data), true, false) ?? SendStatus.DROPPED;
  }

  sendCompressedTextMessageToClient(id: string, text: BodyData): number {
    return this.#clients.get(id)?.send(toBuffer(text), false, true) ?? SendStatus.DROPPED;
  }

  /** To every client; `DROPPED` if one of them did not take it, else `SUCCESS`. */
  broadcastTextMessage(text: BodyData): number {
    return this.#sendTo(this.#clients.all(), text, false, false);
  }

  broadcastBinaryMessage(data: BodyData): number {
    return this.#sendTo(this.#clients.all(), data, true, false);
  }

  broadcastCompressedTextMessage(text: BodyData): number {
    return this.#sendTo(this.#clients.all(), text, false, true);
  }

  /** False for an unknown client. */
  subscribe(id: string, topic: string): boolean {
    if (this.#clients.get(id) === undefined) return false;
    this.#topics.subscribe(id, topic);
    return true;
  }

  unsubscribe(id: string, topic: string): boolean {
    return this.#topics.unsubscribe(id, topic);
  }

  getTopics(id: string): readonly string[] {
    return this.#topics.topicsOf(id);
  }

  /** To every subscriber of the topic; returns as a broadcast does. */
  publishText(topic: string, text: BodyData): number {
    return this.#sendTo(this.#subscribers(topic), text, false, false);
  }

  publishBinary(topic: string, data: BodyData): number {
    return this.#sendTo(this.#subscribers(topic), data, true, false);
  }

  /** Closes with a close frame; false for an unknown client. @throws BusError `ERR_INVALID_ARGUMENT` */
  closeClient(id: string, code = 1000, reason = ''): boolean {
    const client = this.#clients.get(id);
    client?.close(code, reason);
    return client !== undefined;
  }

  /** The same for all clients; returns how many there were. @throws BusError `ERR_INVALID_ARGUMENT` */
  closeAll(code = 1000, reason = ''): number {
    const clients = this.#clients.all();
    for (const client of clients) client.close(code, reason);
    return clients.length;
  }

  /**
   * Passes on no more of a client's messages, so that it has to wait: a few are read and kept, the rest is not read. Its
   * pings, pongs and close frames still count. False for an unknown client.
   */
  pauseClient(id: string): boolean {
    const client = this.#clients.get(id);
    client?.pause();
    return client !== undefined;
  }

  resumeClient(id: string): boolean {
    const client = this.#clients.get(id);
    if (!this.queueFull) client?.resume();
    return client !== undefined;
  }

  /** Sends every message back as it came, beside its event. @throws BusError `ERR_INVALID_ARGUMENT` */
  setEchoMode(enabled: boolean): void {
    if (typeof enabled !== 'boolean') throw new BusError('ERR_INVALID_ARGUMENT', 'Echo mode must be true or false');
    this.#echo = enabled;
  }

  protected override pauseSenders(): void {
    for (const client of this.#clients.all()) client.pause();
  }

  protected override resumeSenders(): void {
    for (const client of this.#clients.all()) client.resume();
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    if (this.queueFull || !this.#port.inUse) return this.#upgrades.refuse(socket, 503);
    void this.#upgrades.upgrade(request, socket, head, (open, details) => {
      if (!this.#port.inUse) return open.terminate();
      const client = this.#clients.add(
        (id) => new WebSocketConnection(id, open, socket, details, this.#settings, this.#events),
      );
      socket.once('close', () => this.#clients.release(client));
      this.#tell('WEBSOCKET_CONNECTION_ESTABLISHED', client.id);
      if (this.queueFull) client.pause();
    });
  }

  readonly #events = {
    message: (client: WebSocketConnection, data: Buffer, isBinary: boolean): void => {
      if (this.#echo) client.send(data, isBinary, false);
      const payload = webServerMessage('WEBSOCKET_MESSAGE_RECEIVED', client.id, data, { isBinary });
      this.raise('WEBSOCKET_MESSAGE_RECEIVED', payload);
      if (this.queueFull && this.#settings.whenQueueFull === 'close') client.close(1013, 'Too many events wait');
    },
    raise: (client: WebSocketConnection, name: NoticeName, message?: string): void =>
      this.#tell(name, client.id, message),
    closed: (client: WebSocketConnection, code: number, reason: string): void => {
      this.#clients.delete(client.id);
      this.#topics.leave(client.id);
      const payload = webServerMessage('WEBSOCKET_CONNECTION_CLOSED', client.id, reason, { code });
      this.raise('WEBSOCKET_CONNECTION_CLOSED', payload);
    },
  };

  #tell(event: GatewayEventName, clientID: string, message = ''): void {
    this.raise(event, webServerMessage(event, clientID, message));
  }

  #sendTo(clients: Iterable<WebSocketConnection>, data: BodyData, binary: boolean, compress: boolean): number {
    const bytes = toBuffer(data);
    let dropped = false;
    for (const client of clients) {
      if (client.send(bytes, binary, compress) === SendStatus.DROPPED) dropped = true;
    }
    return dropped ? SendStatus.DROPPED : SendStatus.SUCCESS;
  }

  #subscribers(topic: string): WebSocketConnection[] {
    return [...this.#topics.members(topic)].flatMap((id) => this.#clients.get(id) ?? []);
  }
}
