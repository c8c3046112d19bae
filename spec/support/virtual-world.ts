import { expect } from 'chai';
import { Client, type ClientOptions, Server, type ServerOptions } from '../../lib/index.ts';
import { MemoryFaults, MemoryNetwork, VirtualClock } from '../../lib/testing/index.ts';
import { eager } from './buses.ts';

/** A server and clients that live in virtual time. */
export class World {
  readonly clock = new VirtualClock();
  readonly faults = new MemoryFaults({ random: eager });
  readonly #common = { clock: this.clock, random: eager, network: new MemoryNetwork({ faults: this.faults }) };

  server(options: ServerOptions = {}): Server {
    return new Server({ url: 'memory:world', ...this.#common, ...options });
  }

  client(options: ClientOptions = {}): Client {
    return new Client({ url: 'memory:world', ...this.#common, ...options });
  }

  /** A server and a client of its that have been connected for a second. */
  async pair(options: ClientOptions = {}): Promise<{ server: Server; client: Client }> {
    const server = await this.server().start();
    const client = this.client(options);
    await this.during(client.connect());
    await this.clock.run(1_000);
    return { server, client };
  }

  /** Lets time go on until `promise` is settled; rejects as it does. */
  async during<T>(promise: Promise<T>, stepMs = 10): Promise<T> {
    let settled = false;
    const done = (): void => void (settled = true);
    promise.then(done, done);
    for (let steps = 0; !settled && steps < 20_000; steps++) await this.clock.run(stepMs);
    if (!settled) throw new Error('it never settled');
    return promise;
  }

  async end(...ends: { close(): Promise<unknown> }[]): Promise<void> {
    for (const end of ends) await this.during(end.close());
    await this.clock.run(20_000);
    expect(this.clock.pending).to.equal(0);
  }
}
