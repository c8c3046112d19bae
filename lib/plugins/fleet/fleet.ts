import { type NodeServerOptions, Server } from '../../bus/node-server.ts';
import { type HubOptions, services, type ServicesHub } from '../services/index.ts';
import type { Crew, FleetSettings } from './crew.ts';
import type { FleetEvents, FleetProcess } from './fleet-process.ts';
import type { Groups } from './group-options.ts';
import { fleet } from './plugin.ts';

/** What `new Fleet` takes beside its groups: what a `Server` does, and what `fleet()` does. */
export type FleetOptions = NodeServerOptions &
  FleetSettings & {
    /** Limits of the hub: what `services()` takes at a server. */
    readonly services?: HubOptions | undefined;
  };

/** A fleet with a hub of its own: a server with services, which is started and closed with the processes. */
export class Fleet {
  /** The hub. Others than its processes come to it at `path`, or wherever its options say. */
  readonly server: Server;
  /** Its services. */
  readonly services: ServicesHub;
  readonly #crew: Crew;

  /** @throws BusError `ERR_INVALID_OPTION`, as `fleet` and `Server`. */
  constructor(groups: Groups, { print, services: limits, ...options }: FleetOptions = {}) {
    this.server = new Server(options);
    this.services = this.server.use(services(limits));
    this.#crew = this.server.use(fleet(groups, { print }));
  }

  /** Starts the hub, then as `Crew.start`. Rejects also as `Server.start`; nothing is left then where no process was started. */
  async start(): Promise<this> {
    if (this.server.address === undefined) await this.server.start();
    try {
      await this.#crew.start();
    } catch (error) {
      if (this.#crew.status().every(({ state }) => state === 'stopped')) await this.server.close();
      throw error;
    }
    return this;
  }

  /** As `Crew.stop`, then closes the hub. */
  async stop(): Promise<void> {
    await this.#crew.stop();
    await this.server.close();
  }

  /** As `Crew.restart`. */
  restart(group: string): Promise<void> {
    return this.#crew.restart(group);
  }

  /** As `Crew.scale`. */
  scale(group: string, count: number): Promise<void> {
    return this.#crew.scale(group, count);
  }

  /** As `Crew.status`. */
  status(): FleetProcess[] {
    return this.#crew.status();
  }

  on<Event extends keyof FleetEvents>(event: Event, listener: FleetEvents[Event]): this {
    this.#crew.on(event, listener);
    return this;
  }

  once<Event extends keyof FleetEvents>(event: Event, listener: FleetEvents[Event]): this {
    this.#crew.once(event, listener);
    return this;
  }

  off<Event extends keyof FleetEvents>(event: Event, listener: FleetEvents[Event]): this {
    this.#crew.off(event, listener);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
