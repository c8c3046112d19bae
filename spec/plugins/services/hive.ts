import type { Client, ClientOptions, Server, ServerOptions } from '../../../lib/index.ts';
import {
  type HubOptions,
  type MemberOptions,
  type Services,
  services,
  type ServicesHub,
} from '../../../lib/plugins/services/index.ts';
import type { Bus } from '../../support/buses.ts';

export interface Bee {
  readonly client: Client;
  readonly mine: Services;
}

/** A hub and its members, on the bus of a spec. */
export class Hive {
  readonly server: Server;
  readonly hub: ServicesHub;
  readonly #bus: Bus;

  private constructor(bus: Bus, server: Server, hub: ServicesHub) {
    this.#bus = bus;
    this.server = server;
    this.hub = hub;
  }

  static async open(bus: Bus, options: HubOptions = {}, serverOptions: ServerOptions = {}): Promise<Hive> {
    const server = bus.newServer(serverOptions);
    const hub = server.use(services(options));
    await server.start();
    return new Hive(bus, server, hub);
  }

  /** A member that is to connect. */
  bee(options: MemberOptions = {}, clientOptions: ClientOptions = {}): Bee {
    const client = this.#bus.newClient(clientOptions);
    return { client, mine: client.use(services(options)) };
  }

  async member(options: MemberOptions = {}, prepare?: (mine: Services) => void): Promise<Bee> {
    const bee = this.bee(options);
    prepare?.(bee.mine);
    await bee.client.connect();
    return bee;
  }
}

/** A promise, and what settles it. */
export class Gate<Value = void> {
  open!: (value: Value) => void;
  readonly passed: Promise<Value> = new Promise((resolve) => {
    this.open = resolve;
  });
}
