import { Client, Server } from 'busbar';
import { channels } from 'busbar/channels';
import { interserve } from 'busbar/interserve';
import { gateway } from 'busbar/gateway';
import { cluster } from 'busbar/cluster';

// A node with one client, which owns a channel and serves a route of the node's name and never has a transfer handled, until it is killed.
const [servers = '', node = '', common = '{}'] = process.argv.slice(2);
const server = new Server({ url: `memory:${node}` });
const world = server.use(cluster({ name: 'galaxy', node, nats: { servers }, ...(JSON.parse(common) as object) }));
server.use(channels());
server.use(gateway());
server.use(interserve({ iport: 0 }));
world.handle((data) => {
  if (data === 'hang') return new Promise(() => {});
  return data === 'ask back' ? world.peer('eu-1').request('back', 20_000) : node;
});
await server.start();
await world.ready;
const client = new Client({ url: `memory:${node}` });
client.handle((data) => (data === 'hang' ? new Promise(() => {}) : node));
const rooms = client.use(channels());
client.use(interserve({ hosts: ['127.0.0.1'] })).receive('hang', () => new Promise(() => {}));
const { http } = client.use(gateway());
http.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => {
  if (http.getRequestDetails(clientID)?.query !== 'hang') void http.sendResponse(clientID, node);
});
await client.connect();
await rooms.create(node);
// Nobody may have a gateway.
await http.addRoute(`/${node}`).catch(() => {});
process.on('message', (blockMs: number) => {
  const until = Date.now() + blockMs;
  while (Date.now() < until);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
