import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Server, shutdownOn } from 'busbar';
import { telemetry, type TelemetryOptions } from 'busbar/telemetry';
import { Registry } from 'prom-client';
import { argumentsOf } from '../program.ts';
import { type Order, Shop } from './shop.ts';
import { RecentTraces } from './traces.ts';

// A server that can be watched: metrics for Prometheus and the last traces on a port of this machine, and `npx busbar top`, `tap`,
// `trace`, `record` and `inspect` at its path.

const [path] = argumentsOf('PATH');
const traces = RecentTraces.follow();
const registry = new Registry();
const nameOf: TelemetryOptions['nameOf'] = (asked) => (Object.hasOwn(Object(asked), 'pack') ? 'pack' : 'order');

const server = new Server({ path, logger: console });
server.on('error', () => {});
server.use(telemetry({ metrics: registry, nameOf }));

// It packs what is ordered. Here it is in the same process; it may be in any other.
const warehouse = new Client({ path });
warehouse.on('error', (error) => console.error(`the warehouse: ${error.message}`));
warehouse.use(telemetry({ metrics: registry, nameOf }));
warehouse.handle(() => 'packed');

const pack = async (order: Order): Promise<unknown> => server.connection(warehouse.id ?? '')?.request({ pack: order });
new Shop(pack).serve(server);
await server.start();
await warehouse.connect({ name: 'warehouse' });

const pages: Readonly<Record<string, () => string | Promise<string>>> = {
  '/metrics': () => registry.metrics(),
  '/traces': () => traces.print(),
};
const http = createServer((request, response) => {
  const page = pages[request.url ?? ''];
  response.writeHead(page === undefined ? 404 : 200, { 'Content-Type': 'text/plain; version=0.0.4' });
  void Promise.resolve(page?.()).then((text) => response.end(text));
});
await once(http.listen(0, '127.0.0.1'), 'listening');
shutdownOn(['SIGINT', 'SIGTERM'], server, async () => {
  http.close();
  await warehouse.close();
});
const { port } = http.address() as AddressInfo;
console.log(`the shop is at ${path}`);
console.log(`its metrics are at http://127.0.0.1:${port}/metrics`);
console.log(`its last traces are at http://127.0.0.1:${port}/traces`);
