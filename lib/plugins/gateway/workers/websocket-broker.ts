import { eventTypeIds, passedOn } from '../gateway-event.ts';
import { SendStatus } from '../websocket/websocket-connection.ts';
import type { WebSocketServer } from '../websocket/websocket-server.ts';
import { Broker, type BrokerSettings } from './broker.ts';
import { BrokeredItem } from './brokered-item.ts';
import type { ShareOptions } from './worker-protocol.ts';
import type { Worker } from './worker.ts';

const tryAgainLater = 1013;
/** All clients are shared by one group. */
const everyone = '';

/** Gives WebSocket clients to the bus peers that take them. */
export class WebSocketBroker extends Broker<BrokeredItem> {
  readonly #websocket: WebSocketServer;
  /** Nobody but workers uses the server's clients: one without a worker is paused, and closed if none comes in time. */
  readonly #exclusive: boolean;

  constructor(websocket: WebSocketServer, settings: BrokerSettings, exclusive: boolean) {
    super(settings);
    this.#websocket = websocket;
    this.#exclusive = exclusive;
    websocket.on('WEBSOCKET_CONNECTION_ESTABLISHED', (_, { clientID }) => this.#established(clientID));
    websocket.on('WEBSOCKET_CONNECTION_CLOSED', (_, payload) => {
      const client = this.items.get(payload.clientID);
      if (client !== undefined) this.end(client, payload);
    });
    websocket.on('WEBSOCKET_DRAINED', (_, { clientID }) => this.items.get(clientID)?.wake(0));
    websocket.on('SERVER_STOPPED_LISTENING', () => this.stopped());
    for (const [name, passing] of Object.entries(passedOn.websocket)) {
      websocket.on(name as keyof typeof passedOn.websocket, (_, payload) => {
        const client = this.items.get(payload.clientID);
        if (client !== undefined && this.#serves) this.pass(client, payload, passing);
      });
    }
  }

  /** @throws BusError `ERR_INVALID_ARGUMENT` */
  add(worker: Worker, options: ShareOptions): void {
    this.join(worker, everyone, options);
  }

  /** Sends in the order of the calls. Resolves when the client can take more, with `DROPPED` when it left. */
  async send(id: string, attempt: () => number): Promise<number> {
    const client = this.items.get(id);
    if (client === undefined) return SendStatus.DROPPED;
    return client.turns.run(async () => {
      for (;;) {
        const status = attempt();
        if (status === SendStatus.SUCCESS || client.over) return status;
        if ((await client.writable()) === undefined) return SendStatus.DROPPED;
        if (status === SendStatus.BACKPRESSURE) return SendStatus.SUCCESS;
      }
    });
  }

  protected override get listening(): boolean {
    return this.#websocket.port !== undefined;
  }

  protected override pause({ id }: BrokeredItem): void {
    this.#websocket.pauseClient(id);
  }

  protected override resume({ id }: BrokeredItem): void {
    this.#websocket.resumeClient(id);
  }

  protected override refuse({ id }: BrokeredItem): void {
    this.#websocket.resumeClient(id);
    this.#websocket.closeClient(id, tryAgainLater, 'No worker is available for this client');
  }

  protected override assign(client: BrokeredItem): void {
    if (this.#serves) super.assign(client);
  }

  /** Whether clients go to workers, even if there is none at the moment. */
  get #serves(): boolean {
    return this.#exclusive || this.hasGroup(everyone);
  }

  #established(id: string): void {
    const details = this.#websocket.getClientDetails(id);
    if (details === undefined) return;
    const { windowBytes } = this.settings;
    const beginning = [eventTypeIds.WEBSOCKET_CONNECTION_ESTABLISHED, id, details, false] as const;
    const client = new BrokeredItem({ id, details, beginning, group: everyone, sticky: false, windowBytes });
    this.items.set(client);
    this.assign(client);
  }
}
