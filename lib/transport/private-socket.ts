import { chmodSync, lstatSync } from 'node:fs';
import { mkdir, rmdir, unlink } from 'node:fs/promises';
import type { ListenOptions, Server } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { maxUnixPathBytes } from './address.ts';
import { bind } from './net-listener.ts';
import type { FileIdentity } from './socket-file.ts';

const nameInside = '/s';

/** Where a socket is bound before it gets its public name: in `folder`, or, where no room is left for one, beside it. */
export interface PrivatePlace {
  readonly folder: string | undefined;
  readonly socket: string;
}

/** A socket that listens, but that nobody else can connect to yet. */
export interface PrivateSocket extends FileIdentity {
  readonly place: PrivatePlace;
}

/** A place beside `path` that nobody else uses, short enough to bind wherever `path` is. */
export function privatePlace(path: string, token: string): PrivatePlace {
  const directory = dirname(path);
  const prefix = directory === '.' && !path.startsWith('.') ? '' : join(directory, '/');
  const room = maxUnixPathBytes - Buffer.byteLength(prefix);
  const inFolder = room - nameInside.length;
  // The letter matters: node:net takes a relative path that reads as a number for a port.
  const name = (length: number): string =>
    `${prefix}${length === 1 ? (basename(path) === '_' ? '-' : '_') : `.b${token}`.slice(0, length)}`;
  if (inFolder < 1) return { folder: undefined, socket: name(room) };
  return { folder: name(inFolder), socket: `${name(inFolder)}${nameInside}` };
}

/** Binds `server` in a folder of mode 0700, and sets the mode it will have in public before it leaves that. */
export async function bindPrivate(
  server: Server,
  place: PrivatePlace,
  listenOptions: ListenOptions = {},
): Promise<PrivateSocket> {
  const { readableAll = false, writableAll = false, backlog } = listenOptions;
  const options = { ...(backlog === undefined ? {} : { backlog }), path: place.socket, exclusive: true };
  if (place.folder !== undefined) {
    // A short name may be that of a starter that died.
    await removePrivate(place);
    await mkdir(place.folder, { mode: 0o700 });
  }
  try {
    const bound = place.folder === undefined ? withMask(() => bind(server, options)) : bind(server, options);
    if (server.listening) chmodSync(place.socket, 0o600 | (readableAll ? 0o444 : 0) | (writableAll ? 0o222 : 0));
    await bound;
    const { dev, ino } = lstatSync(place.socket);
    return { dev, ino, place };
  } catch (error) {
    await removePrivate(place);
    throw error;
  }
}

/** Removes what a starter made there, if anything is left of it. */
export async function removePrivate({ folder, socket }: PrivatePlace): Promise<void> {
  await unlink(socket).catch(ignore);
  if (folder !== undefined) await rmdir(folder).catch(ignore);
}

/** Runs `task`, in which files are made, with the mask of files that are their owner's. Threads may not set it. */
function withMask<T>(task: () => T): T {
  let before: number | undefined;
  try {
    before = process.umask(0o177);
  } catch {
    // The name is one that nobody knows, for the moment until the mode is set.
  }
  try {
    return task();
  } finally {
    if (before !== undefined) process.umask(before);
  }
}

function ignore(): void {}
