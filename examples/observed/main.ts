import { Server, shutdownOn } from 'busbar';
import type { AddressInfo } from 'node:net';
import { argumentsOf } from '../program.ts';
import { serveMetrics } from './metrics.ts';
import { Shop } from './shop.ts';

// A server that can be watched: Prometheus text on a port, and `npx busbar top`, `tap`, `record` and `inspect` at its path.

const [path] = argumentsOf('PATH');
const server = new Server({ path });
server.on('error', (error) => console.error(`${error.code}: ${error.message}`));
new Shop().serve(server);
await server.start();
const metrics = await serveMetrics(server, 0);
shutdownOn(['SIGINT', 'SIGTERM'], server, () => void metrics.close());
console.log(`the shop is at ${path}`);
console.log(`its metrics are at http://127.0.0.1:${(metrics.address() as AddressInfo).port}/metrics`);
