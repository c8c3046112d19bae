import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { Client, Server } from '../../lib/index.ts';
import { cluster, type World } from '../../lib/plugins/cluster/index.ts';
import type { Numbers } from '../control/commands.ts';
import { Counter } from '../counter.ts';
import type { Part } from '../scenarios/scenario.ts';
import { nextTurn, now } from '../time.ts';

/** One message at a time, by the client of NATS itself. */
export const plainNats = 'nats.js';

const bytes = Buffer.alloc(100, 7);
/** As many are sent before the next turn. */
const burst = 64;
/** What the plain client may be ahead of its flushes. */
const flushEvery = 4_096;

interface Node {
  readonly server: Server;
  readonly world: World;
}

const url = (port: unknown): string => `nats://127.0.0.1:${String(port)}`;

async function join(node: string, port: unknown): Promise<Node> {
  const server = new Server({ url: `memory:${node}` });
  const world = server.use(cluster({ name: 'bench', node, nats: { servers: url(port) } }));
  await server.start();
  await world.ready;
  return { server, world };
}

async function clientsOf(node: string, count: number, received: Counter): Promise<Client[]> {
  const clients = Array.from({ length: count }, () => new Client({ url: `memory:${node}` }));
  for (const client of clients) {
    client.on('message', () => received.add());
    client.handle((data: unknown) => data);
    await client.connect();
  }
  return clients;
}

/** The server of NATS. */
export const natsServer: Part = () => ({
  async open() {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const address = taken.address();
    await new Promise((resolve) => taken.close(resolve));
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const child = spawn('nats-server', ['-a', '127.0.0.1', '-p', `${port}`], { stdio: 'ignore' });
    process.once('exit', () => child.kill('SIGKILL'));
    for (;;) {
      const probe = await connect({ servers: url(port), maxReconnectAttempts: 0 }).catch(() => undefined);
      if (probe !== undefined) {
        await probe.close();
        return { port };
      }
    }
  },
});

/** A node that counts, with clients of its own; or a subscriber of NATS. */
export const far: Part = ({ peer }) => {
  const received = new Counter();
  return {
    async open({ port, node, clients }) {
      if (peer === plainNats) {
        const connection = await connect({ servers: url(port) });
        connection.subscribe('bench', { callback: () => received.add() });
        connection.subscribe('ask', { callback: (_error, message) => void message.respond(message.data) });
        await connection.flush();
        return {};
      }
      const { world } = await join(String(node), port);
      world.on('message', () => received.add());
      world.handle((data: unknown) => data);
      await clientsOf(String(node), Number(clients), received);
      return {};
    },
    untilReceived: async ({ count }) => ({ receivedAt: await received.until(Number(count)) }),
    received: () => ({ count: received.count }),
  };
};

/** The node that sends and asks. */
export const near: Part = ({ peer }) => {
  let own: Node | undefined;
  let plain: NatsConnection | undefined;
  const received = new Counter();
  return {
    async open({ port, clients }) {
      if (peer === plainNats) plain = await connect({ servers: url(port) });
      else own = await join('near', port);
      if (own !== undefined) await clientsOf('near', Number(clients), received);
      return {};
    },
    async send({ ms }): Promise<Numbers> {
      const to = own?.world.peer('far-1');
      const startedAt = now();
      let count = 0;
      while (now() - startedAt < Number(ms)) {
        let taken: Promise<void> | undefined;
        for (let sends = 0; sends < burst; sends++) {
          plain?.publish('bench', bytes);
          taken = to?.send(bytes);
        }
        count += burst;
        await (plain !== undefined && count % flushEvery === 0 ? plain.flush() : taken);
        await nextTurn();
      }
      return { startedAt, count };
    },
    /** One at a time; from a client's node to a client of another one. */
    async ask({ ms }): Promise<Numbers> {
      const [other] = own === undefined ? [] : (await own.world.connections()).filter(({ node }) => node === 'far-1');
      const to = own?.world.peer(other?.id ?? '');
      const took: number[] = [];
      for (const startedAt = now(); now() - startedAt < Number(ms); ) {
        const askedAt = now();
        await (plain === undefined ? to?.request(bytes) : plain.request('ask', bytes));
        took.push(now() - askedAt);
      }
      took.sort((one, another) => one - another);
      return { medianUs: (took[Math.floor(took.length / 2)] ?? 0) * 1_000 };
    },
    async broadcast({ ms, local }): Promise<Numbers> {
      const startedAt = now();
      let count = 0;
      for (; now() - startedAt < Number(ms); count++) {
        await (local === 1 ? own?.server.broadcast(bytes) : own?.world.broadcast(bytes));
        if (count % burst === 0) await nextTurn();
      }
      return { startedAt, count };
    },
    untilReceived: async ({ count }) => ({ receivedAt: await received.until(Number(count)) }),
  };
};
