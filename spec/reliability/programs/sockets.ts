import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { heldBytes } from './notebook.ts';

/** Bare sockets, to compare with: a server of them, or `count` of its clients. */
const { path, count } = JSON.parse(process.argv[2] ?? '{}') as { readonly path: string; readonly count?: number };
const sockets = new Set<Socket>();

function keep(socket: Socket): void {
  sockets.add(socket);
  socket.on('data', () => {});
  socket.on('error', () => {});
  socket.on('close', () => sockets.delete(socket));
}

process.on('message', () => {
  const held = heldBytes();
  process.send?.({ count: sockets.size, heldBytes: held, residentBytes: process.memoryUsage.rss() });
});
process.on('disconnect', () => process.exit());
if (count === undefined) {
  const server = createServer(keep).listen({ path, backlog: 511 });
  await once(server, 'listening');
} else {
  while (sockets.size < count) {
    const socket = connect(path);
    // The queue of the listener may be full for a moment.
    const isIn = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (isIn) keep(socket);
    else await new Promise(setImmediate);
  }
}
process.send?.({ ready: true });
