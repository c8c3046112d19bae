import { open, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { basename, dirname } from 'node:path';
import { codeOf } from '../../../base/thrown.ts';

/** A socket in a folder that is listened on as long as its process lives. */
export interface Presence {
  /** Nobody listens any more, and the file is gone. */
  close(): Promise<void>;
}

/** Longer paths do not fit into the address of a socket. */
const mostPathBytes = 100;

/** Calls `use` with a name of the path that is short enough, which is good until the handle is closed. */
async function named<T>(path: string, use: (short: string) => Promise<T>): Promise<[T, () => Promise<void>]> {
  if (Buffer.byteLength(path) <= mostPathBytes) return [await use(path), async () => {}];
  const folder = await open(dirname(path));
  try {
    return [await use(`/proc/self/fd/${folder.fd}/${basename(path)}`), () => folder.close()];
  } catch (error) {
    await folder.close();
    throw error;
  }
}

/** Listens there. Rejects with the system's error, where the file system has no sockets too. */
export async function bePresent(path: string): Promise<Presence> {
  const server = createServer((socket) => socket.destroy()).unref();
  const [, release] = await named(
    path,
    (short) =>
      new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        // Else another process than this one listens for a worker of a cluster.
        server.listen({ path: short, exclusive: true }, resolve);
      }),
  );
  server.on('error', () => {});
  return {
    async close() {
      await new Promise((resolve) => server.close(resolve));
      await rm(path, { force: true });
      await release();
    },
  };
}

/** Whether somebody of this machine listens there; true also where that cannot be told. */
export async function isPresent(path: string): Promise<boolean> {
  const asked = named(path, (short) => {
    return new Promise<boolean>((resolve) => {
      const socket = createConnection(short, () => resolve(true));
      socket.on('error', (error) => resolve(!['ECONNREFUSED', 'ENOENT'].includes(codeOf(error) ?? '')));
      socket.on('connect', () => socket.destroy());
    });
  });
  try {
    const [found, release] = await asked;
    await release();
    return found;
  } catch {
    return true;
  }
}
