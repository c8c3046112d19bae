import process from 'node:process';
import { Client, Server } from 'busbar';
import { fleetStop } from 'busbar/fleet';
import { HttpServer } from 'busbar/gateway';
import { services } from 'busbar/services';

/** A process of a fleet with a door for others: a server of the bus, or one for HTTP, that asks the hub for its answers. */
const [kind = '', port = ''] = process.argv.slice(2);
const client = new Client({ url: 'parent:' });
const hub = client.use(services()).service<{ next(): number }>('numbers');

if (kind === 'tcp') {
  const server = new Server({ port: Number(port) });
  server.handle(async () => [await hub.call.next(), process.pid]);
  await client.connect();
  await server.start();
  fleetStop(client, () => server.close(true));
} else {
  const http = new HttpServer({ deferred: false });
  http.addRoute('/*');
  http.on('HTTP_REQUEST_FINISHED', async (_event, { clientID }) => {
    http.sendResponse(clientID, JSON.stringify([await hub.call.next(), process.pid]));
  });
  await client.connect();
  await http.startListening(Number(port));
  fleetStop(client, () => http.stopListening(2_000));
}
