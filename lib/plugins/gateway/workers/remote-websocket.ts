import { EventSource, type EventSourceOptions } from '../event-source.ts';
import { creditOf, eventTypeIds, serverClientId, type WebSocketEventName, webServerMessage } from '../gateway-event.ts';
import type { UpgradeDetails } from '../request-details.ts';
import type { WebSocketServer } from '../websocket/websocket-server.ts';
import { defineVerbs, type RemoteVerbs, webSocketVerbs } from './verbs.ts';
import type { WorkerClient } from './worker-client.ts';
import { eventOf, type EventFrame, type ShareOptions } from './worker-protocol.ts';

/** The methods of the gateway's `WebSocketServer` that a worker may call. */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- `defineVerbs` makes these methods
export interface RemoteWebSocket extends RemoteVerbs<typeof webSocketVerbs, WebSocketServer> {}

/** The gateway's `WebSocketServer` as a worker has it: the clients given to it, and the same methods. */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- `defineVerbs` makes these methods
export class RemoteWebSocket extends EventSource<WebSocketEventName> {
  static {
    defineVerbs(this.prototype, webSocketVerbs, (remote, name, args, patient) =>
      remote.#worker.request(['websocket', name, args], patient),
    );
  }

  readonly #worker: WorkerClient;
  readonly #clients = new Map<string, UpgradeDetails>();
  #share: ShareOptions | undefined;

  /** @internal */
  constructor(worker: WorkerClient, settings: EventSourceOptions) {
    super(settings, worker);
    this.#worker = worker;
    worker.attach('websocket', {
      started: () => this.#started(),
      ended: () => this.#ended(),
      event: (frame) => this.#receive(frame),
      lost: (prefix) => this.#closeAll(prefix),
      disposed: () => this.stopPolling(),
    });
  }

  /**
   * Makes this worker a receiver of clients, shared with the other such workers. Resolves when the gateway knows, at
   * once before the client is connected. It is repeated in every new session. Rejects with `ERR_INVALID_ARGUMENT`,
   * `ERR_REFUSED`, or `ERR_STATE` if the gateway has no WebSocket server.
   */
  async takeClients(share: ShareOptions = {}): Promise<void> {
    if (this.#worker.open) await this.#worker.request(['addClients', { ...share }]);
    this.#share = share;
  }

  /** Gives this worker's clients to others and takes no more. False if it took none. */
  async releaseClients(): Promise<boolean> {
    if (this.#share === undefined) return false;
    this.#share = undefined;
    this.#clients.clear();
    if (this.#worker.open) await this.#worker.request(['removeClients']);
    return true;
  }

  /** The request by which a client of this worker connected; undefined for any other client. */
  getClientDetails(id: string): UpgradeDetails | undefined {
    return this.#clients.get(id);
  }

  getRemoteAddress(id: string): string | undefined {
    return this.#clients.get(id)?.remoteAddress;
  }

  /** The promises of handlers delay the client's next messages. */
  #receive(frame: EventFrame): void {
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
        if (frame[0] === eventTypeIds.WEBSOCKET_MESSAGE_RECEIVED) this.#worker.took(id, creditOf(frame[2]), handled);
      }
    }
  }

  #started(): void {
    this.startPolling();
    if (this.#share === undefined) return;
    const asked = this.#worker.request(['addClients', { ...this.#share }]);
    asked.catch((error: unknown) => this.#worker.report(error));
  }

  /** The gateway gives the clients to other workers. */
  #ended(): void {
    this.#closeAll('');
    this.stopPolling();
  }

  #closeAll(prefix: string): void {
    const name = 'WEBSOCKET_CONNECTION_CLOSED';
    for (const id of [...this.#clients.keys()]) {
      if (!id.startsWith(prefix)) continue;
      this.#clients.delete(id);
      this.raise(name, webServerMessage(name, id, 'The gateway cannot be reached', { code: 1006 }));
    }
  }
}
