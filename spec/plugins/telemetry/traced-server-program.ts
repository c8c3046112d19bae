import process from 'node:process';
import { Server } from 'busbar';
import { telemetry } from 'busbar/telemetry';
import { Exported } from './exported.ts';

/** A server in a process of its own that takes over, asks further, and tells its spans when it has closed or is asked to. */
const [path = ''] = process.argv.slice(2);
const exported = new Exported();
const server = new Server({ path });
server.use(telemetry({ nameOf: String }));
server.handle(async (question, { peer }) => {
  if (question === 'plain') return process.pid;
  if (question !== 'slow') return peer.request('part').then(() => process.pid);
  process.send?.('slow');
  // Until its successor is there.
  await new Promise((resolve) => process.once('message', resolve));
  return process.pid;
});
server.on('close', () => process.send?.(exported.all, () => process.exit()));
process.on('message', (word) => void (word === 'close' && server.close()));
process.on('disconnect', () => process.exit());
await server.start({ takeover: true });
process.send?.('started');
