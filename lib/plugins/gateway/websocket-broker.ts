import type { Clock, Timer } from '../../base/clock.ts';
import { BrokeredClient } from './brokered-client.ts';
import type { FaceSettings } from './face-options.ts';
import type { WebServerMessage } from './gateway-event.ts';
import type { ShareOptions } from './share.ts';
import { Share } from './share.ts';
import { SendStatus } from './websocket-connection.ts';
import type { WebSocketServer } from './websocket-server.ts';
import type { Worker } from './worker.ts';

const tryAgainLater = 1013;

/** Gives WebSocket clients to the bus peers that take them. */
export class WebSocketBroker {
  readonly #websocket: WebSocketServer;
  readonly #settings: FaceSettings;
  readonly #clock: Clock;
  /** Clients without a worker are held, and closed when none comes in time. */
  readonly #exclusive: boolean;
  readonly #clients = new Map<string, BrokeredClient>();
  #share: Share | undefined;
  #retired: Timer | undefined;

  /** `exclusive`: nobody but bus peers takes this server's clients. */
  constructor(websocket: WebSocketServer, settings: FaceSettings, clock: Clock, exclusive: boolean) {
    this.#websocket = websocket;
    this.#settings = settings;
    this.#clock = clock;
    this.#exclusive = exclusive;
    websocket.on('WEBSOCKET_CONNECTION_ESTABLISHED', (_, { clientID }) => this.#established(clientID));
    websocket.on('WEBSOCKET_MESSAGE_RECEIVED', (_, payload) => this.#message(payload));
    websocket.on('WEBSOCKET_CONNECTION_CLOSED', (_, payload) => this.#closed(payload));
    websocket.on('SERVER_STOPPED_LISTENING', () => {
      if (this.#retired !== undefined) this.#retire();
    });
    websocket.on('WEBSOCKET_DRAINED', (_, { clientID }) => {
      const client = this.#clients.get(clientID);
      client?.caughtUp();
      for (const worker of client?.workers ?? []) worker.send(['drained', clientID]);
    });
    websocket.on('WEBSOCKET_DROPPED', (_, { clientID, message }) => {
      for (const worker of this.#clients.get(clientID)?.workers ?? []) {
        worker.send(['dropped', clientID, message.toString()]);
      }
    });
  }

  /** @throws BusError `ERR_INVALID_ARGUMENT` */
  add(worker: Worker, options: ShareOptions): void {
    const share = this.#share ?? new Share(options);
    share.add(worker, options);
    this.#share = share;
    this.#retired?.cancel();
    this.#retired = undefined;
    for (const client of this.#clients.values()) {
      if (share.mode === 'all') this.#give(client, worker);
      else if (client.workers.size === 0) this.#assign(client);
    }
  }

  /** The worker goes, and its clients to another. */
  remove(worker: Worker): boolean {
    const share = this.#share;
    if (share === undefined || !share.delete(worker)) return false;
    if (share.workers.length === 0) this.#retire();
    for (const client of this.#clients.values()) {
      if (!client.release(worker)) continue;
      this.#pace(client);
      if (client.workers.size === 0) this.#assign(client);
    }
    return true;
  }

  took(worker: Worker, id: string, bytes: number): void {
    const client = this.#clients.get(id);
    if (client === undefined) return;
    client.took(worker, bytes);
    this.#pace(client);
  }

  /** Sends in the order of the calls; resolves when the client can take more, with `DROPPED` when it left. */
  async send(id: string, attempt: () => number): Promise<number> {
    const client = this.#clients.get(id);
    if (client === undefined) return SendStatus.DROPPED;
    return client.turns.run(async () => {
      for (;;) {
        const status = attempt();
        if (status === SendStatus.SUCCESS || client.over) return status;
        if (!(await client.untilCaughtUp())) return SendStatus.DROPPED;
        if (status === SendStatus.BACKPRESSURE) return SendStatus.SUCCESS;
      }
    });
  }

  dispose(): void {
    this.#retired?.cancel();
    for (const client of this.#clients.values()) client.end();
    this.#clients.clear();
  }

  #established(id: string): void {
    const details = this.#websocket.getClientDetails(id);
    if (details === undefined) return;
    const client = new BrokeredClient(id, details);
    this.#clients.set(id, client);
    this.#assign(client);
  }

  #assign(client: BrokeredClient): void {
    const share = this.#share;
    if (share?.mode === 'all') for (const worker of share.workers) this.#give(client, worker);
    const worker = share?.mode === 'all' ? undefined : share?.pick(client.details);
    if (worker !== undefined) this.#give(client, worker);
    if (client.workers.size > 0 || client.orphaned !== undefined) return;
    if (share === undefined && !this.#exclusive) return;
    this.#websocket.pauseClient(client.id);
    client.orphaned = this.#clock.setTimer(() => {
      this.#websocket.resumeClient(client.id);
      this.#websocket.closeClient(client.id, tryAgainLater, 'Nobody is there to take this client');
    }, this.#settings.graceMs);
  }

  #give(client: BrokeredClient, worker: Worker): void {
    client.give(worker);
    this.#pace(client);
  }

  #message({ clientID, message, isBinary }: WebServerMessage): void {
    const client = this.#clients.get(clientID);
    if (client === undefined || (this.#share === undefined && !this.#exclusive)) return;
    client.message(isBinary === true, message);
    this.#pace(client);
  }

  #closed({ clientID, code = 1006, message }: WebServerMessage): void {
    const client = this.#clients.get(clientID);
    if (client === undefined) return;
    this.#clients.delete(clientID);
    client.end();
    for (const worker of client.workers) worker.send(['closed', clientID, code, message.toString()]);
  }

  /** What was shared stays for the grace time, in which a new worker may come. */
  #retire(): void {
    this.#retired?.cancel();
    const forget = (): void => {
      this.#share = undefined;
    };
    if (this.#websocket.port === undefined) forget();
    else this.#retired = this.#clock.setTimer(forget, this.#settings.graceMs);
  }

  /** Reads from a client only as far as its workers take it. */
  #pace(client: BrokeredClient): void {
    if (client.workers.size === 0) return;
    const { windowBytes } = this.#settings;
    if (client.untaken > windowBytes) this.#websocket.pauseClient(client.id);
    else if (client.untaken <= windowBytes / 2) this.#websocket.resumeClient(client.id);
  }
}
