import { EventSource, type EventSourceOptions } from './event-source.ts';
import type { GatewayConnection } from './gateway-connection.ts';
import { eventTypeIds, serverClientId, type WebSocketEventName, webServerMessage } from './gateway-event.ts';
import type { UpgradeDetails } from './request-details.ts';
import { defineVerbs, type RemoteVerbs, webSocketVerbs } from './verbs.ts';
import type { WebSocketServer } from './websocket-server.ts';
import { eventOf, type EventFrame, type ShareOptions } from './worker-protocol.ts';

/** What is asked of the gateway: its `WebSocketServer`'s methods, with promises. */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- `defineVerbs` makes these methods
export interface RemoteWebSocket extends RemoteVerbs<typeof webSocketVerbs, WebSocketServer> {}

/** The gateway's `WebSocketServer` as a bus peer sees it: the clients given to it, and the same functions. */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- `defineVerbs` makes these methods
export class RemoteWebSocket extends EventSource<WebSocketEventName> {
  static {
    defineVerbs(this.prototype, webSocketVerbs, (remote, name, args, patient) =>
      remote.#connection.request(['websocket', name, args], patient),
    );
  }

  readonly #connection: GatewayConnection;
  readonly #clients = new Map<string, UpgradeDetails>();
  #share: ShareOptions | undefined;

  constructor(connection: GatewayConnection, settings: EventSourceOptions) {
    super(settings, connection);
    this.#connection = connection;
  }

  /**
   * Takes clients, shared with the other peers that do. Resolves when the gateway knows; before the client is connected
   * at once, and again on every new session. Rejects `ERR_INVALID_ARGUMENT`, `ERR_REFUSED`, `ERR_STATE` where the
   * gateway has no WebSocket server.
   */
  async takeClients(share: ShareOptions = {}): Promise<void> {
    if (this.#connection.open) await this.#connection.request(['addClients', { ...share }]);
    this.#share = share;
  }

  /** Gives this peer's clients to others, and takes no more. False if it took none. */
  async releaseClients(): Promise<boolean> {
    if (this.#share === undefined) return false;
    this.#share = undefined;
    this.#clients.clear();
    if (this.#connection.open) await this.#connection.request(['removeClients']);
    return true;
  }

  /** The request by which a client of this peer's connected; undefined for any other. */
  getClientDetails(id: string): UpgradeDetails | undefined {
    return this.#clients.get(id);
  }

  getRemoteAddress(id: string): string | undefined {
    return this.#clients.get(id)?.remoteAddress;
  }

  /** For the plugin: what the gateway tells of any client. Handlers' promises hold a client's next messages back. */
  receive(frame: EventFrame): void {
    const id = frame[1];
    switch (frame[0]) {
      case eventTypeIds.HTTP_REQUEST_STARTED:
        return;
      case eventTypeIds.WEBSOCKET_CONNECTION_ESTABLISHED:
        this.#clients.set(id, frame[2]);
        return this.raise('WEBSOCKET_CONNECTION_ESTABLISHED', webServerMessage('WEBSOCKET_CONNECTION_ESTABLISHED', id));
      case eventTypeIds.WEBSOCKET_CONNECTION_CLOSED:
        if (this.#clients.delete(id)) this.raise(...eventOf(frame));
        return;
      default: {
        if (id !== serverClientId && !this.#clients.has(id)) return;
        const handled = this.raiseAndWait(...eventOf(frame));
        if (frame[0] === eventTypeIds.WEBSOCKET_MESSAGE_RECEIVED) this.#connection.took(id, frame[2].length, handled);
      }
    }
  }

  /** For the plugin: a new session. */
  sessionStarted(): void {
    this.startPolling();
    if (this.#share === undefined) return;
    const asked = this.#connection.request(['addClients', { ...this.#share }]);
    asked.catch((error: unknown) => this.#connection.report(error));
  }

  /** For the plugin: the session is over; the gateway gives its clients to others. */
  sessionEnded(): void {
    const name = 'WEBSOCKET_CONNECTION_CLOSED';
    for (const id of [...this.#clients.keys()]) {
      this.#clients.delete(id);
      this.raise(name, webServerMessage(name, id, 'The gateway is out of reach', { code: 1006 }));
    }
    this.stopPolling();
  }

  /** For the plugin: no event follows. */
  dispose(): void {
    this.stopPolling();
  }
}
