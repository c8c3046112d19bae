import { Server, shutdownOn } from 'busbar';
import { path } from './contract.js';

/** @type {Server<import('./contract.js').Shop>} */
const server = new Server({ path });

server.on('error', (error) => console.error('server:', error.code, error.message));
server.on('connect', (connection, { name }) => {
  console.log(`server: ${name} is here`);
  void connection.send(`welcome, ${name}`);
});
server.on('message', (order) => console.log(`server: order ${order.number}, ${order.text}`));
server.handle(({ price, count }) => price * count);

// A second `npm run server` takes the address over, and the clients with it: a deploy without a gap.
await server.start({ takeover: true });
shutdownOn(['SIGINT', 'SIGTERM'], server);
server.on('close', () => process.exit());
