import { once } from 'node:events';
import process from 'node:process';
import { Client, type Contract, Server } from '../../lib/index.ts';

// The other end of what is measured, in a process of its own.

/** What it is to be: a server at `path`, or so many clients, of which one says something whenever it is told to. */
export interface Part {
  readonly path: string;
  readonly clients: number;
}

process.on('disconnect', () => process.exit());
const [{ path, clients }] = (await once(process, 'message')) as [Part];
if (clients === 0) {
  const server = new Server<Contract>({ path });
  server.on('message', () => {});
  server.handle((data: unknown) => data);
  await server.start();
} else {
  const all = Array.from({ length: clients }, () => new Client<Contract>({ path }));
  await Promise.all(all.map((client) => client.connect()));
  process.on('message', () => void all[0]?.send({ hello: 1 }));
}
process.send?.('ready');
