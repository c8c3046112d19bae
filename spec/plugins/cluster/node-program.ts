import { Client, Server } from '../../../lib/index.ts';
import { channels } from '../../../lib/plugins/channels/index.ts';
import { cluster } from '../../../lib/plugins/cluster/index.ts';

// A node with one client, which owns a channel of the node's name, until it is killed.
const [servers = '', node = '', common = '{}'] = process.argv.slice(2);
const server = new Server({ url: `memory:${node}` });
const world = server.use(cluster({ name: 'galaxy', node, nats: { servers }, ...(JSON.parse(common) as object) }));
server.use(channels());
world.handle((data) => (data === 'hang' ? new Promise(() => {}) : node));
await server.start();
await world.ready;
const client = new Client({ url: `memory:${node}` });
client.handle((data) => (data === 'hang' ? new Promise(() => {}) : node));
const rooms = client.use(channels());
await client.connect();
await rooms.create(node);
process.on('message', (blockMs: number) => {
  const until = Date.now() + blockMs;
  while (Date.now() < until);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
