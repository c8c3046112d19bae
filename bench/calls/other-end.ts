import process from 'node:process';
import { Client, Server } from '../../lib/index.ts';

// The other end of what is measured, in a process of its own: `server <path>`, or `clients <path> <count>`, which say
// something whenever they are told to.

const [, , role, path = '', count = '1'] = process.argv;

if (role === 'server') {
  const server = new Server({ path });
  server.on('message', () => {});
  server.handle((data) => data);
  await server.start();
} else {
  const clients = Array.from({ length: Number(count) }, () => new Client({ path }));
  await Promise.all(clients.map((client) => client.connect()));
  process.on('message', () => void clients[0]?.send({ hello: 1 }));
}
process.on('disconnect', () => process.exit());
process.send?.('ready');
