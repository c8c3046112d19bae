import { Client, Server } from '../../../lib/index.ts';
import { cluster } from '../../../lib/plugins/cluster/index.ts';

// A node with one client, until it is killed.
const [servers = '', node = '', common = '{}'] = process.argv.slice(2);
const server = new Server({ url: `memory:${node}` });
const world = server.use(cluster({ name: 'galaxy', node, nats: { servers }, ...(JSON.parse(common) as object) }));
world.handle((data) => (data === 'hang' ? new Promise(() => {}) : node));
await server.start();
await world.ready;
const client = new Client({ url: `memory:${node}` });
client.handle((data) => (data === 'hang' ? new Promise(() => {}) : node));
await client.connect();
process.on('message', (blockMs: number) => {
  const until = Date.now() + blockMs;
  while (Date.now() < until);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
