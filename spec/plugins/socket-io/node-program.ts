import { Client, Server } from 'busbar';
import { socketIo } from 'busbar/socket.io';
import { newNode } from './nodes.ts';

// A node with one client, or the hub alone, until it is killed.
const [role = '', path = ''] = process.argv.slice(2);
if (role === 'hub') {
  const server = new Server({ path });
  server.use(socketIo());
  await server.start();
  process.send?.('ready');
} else {
  const client = new Client({ path });
  const node = await newNode(client.use(socketIo()));
  node.page.on('ask', (done: (value: unknown) => void) => done(process.pid));
  node.io.on('ask', (done: (value: unknown) => void) => done(process.pid));
  await client.connect();
  process.send?.(node.socket.id);
}
