import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Client, type ClientOptions, Server } from '../../../lib/index.ts';
import { cluster, type ClusterOptions, type World } from '../../../lib/plugins/cluster/index.ts';
import { Nats } from '../../support/nats-server.ts';

export interface Star {
  readonly node: string;
  readonly url: string;
  readonly server: Server;
  readonly world: World;
  readonly errors: string[];
  /** What was heard of others: `node state`. */
  readonly heard: string[];
}

/** A server of NATS, and nodes in this process and in others over it; all are ended together. */
export class Galaxy {
  readonly nats: Nats;
  readonly #common: Partial<ClusterOptions>;
  #made = 0;
  readonly #ends: (() => Promise<unknown>)[] = [];

  static async open(common: Partial<ClusterOptions> = {}): Promise<Galaxy> {
    return new Galaxy(await Nats.start(), common);
  }

  constructor(nats: Nats, common: Partial<ClusterOptions> = {}) {
    this.nats = nats;
    this.#common = { heartbeatMs: 200, deadAfterMs: 1_200, ...common };
  }

  /** A node that is not started. */
  make(node: string, options: Partial<ClusterOptions> = {}): Star {
    const url = `memory:${node}-${this.nats.port}-${(this.#made += 1)}`;
    const server = new Server({ url });
    const errors: string[] = [];
    const heard: string[] = [];
    server.on('error', ({ code }) => void errors.push(code));
    const nats = { servers: this.nats.url };
    const world = server.use(cluster({ name: 'galaxy', node, nats, ...this.#common, ...options }));
    world.on('node', ({ id, state }) => void heard.push(`${id} ${state}`));
    this.#ends.push(() => server.close());
    return { node, url, server, world, errors, heard };
  }

  /** A node that has joined; `prepare` installs what it has besides. */
  async star(node: string, options: Partial<ClusterOptions> = {}, prepare?: (server: Server) => void): Promise<Star> {
    const star = this.make(node, options);
    prepare?.(star.server);
    await star.server.start();
    await star.world.ready;
    return star;
  }

  async client(star: Star, options: ClientOptions = {}, prepare?: (client: Client) => void): Promise<Client> {
    const client = new Client({ url: star.url, ...options });
    this.#ends.push(() => client.close());
    prepare?.(client);
    await client.connect();
    return client;
  }

  /** A node in a process of its own, which answers requests with its name, or never where they are `hang`; its clock differs by `aheadMs`. */
  async process(node: string, aheadMs = 0): Promise<ChildProcess> {
    const args = [this.nats.url, node, JSON.stringify(this.#common)];
    const clock = `const real = Date.now; Date.now = () => real() + ${aheadMs};`;
    const execArgv = aheadMs === 0 ? [] : ['--import', `data:text/javascript,${encodeURIComponent(clock)}`];
    const child = fork(new URL('node-program.js', import.meta.url), args, { execArgv });
    this.#ends.push(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    await once(child, 'message');
    return child;
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
    await this.nats.kill();
  }
}
