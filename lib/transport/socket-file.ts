import { type Stats, lstatSync, unlinkSync, chmodSync } from 'node:fs';
import { link, lstat, rename, unlink, mkdir, rmdir } from 'node:fs/promises';
import { connect, type ListenOptions, type Server } from 'node:net';
import { constants } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../base/thrown.ts';
import { BusError } from '../base/errors.ts';
import { maxUnixPathBytes } from './address.ts';
import { bind } from './net-listener.ts';

/** One file, whatever name it has at the moment. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

const probeTimeoutMs = 500;

/** What `lstat` says, or `undefined` where nothing is. */
export async function statPath(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

export function isSame(a: FileIdentity | undefined, b: FileIdentity): boolean {
  return a !== undefined && a.ino === b.ino && a.dev === b.dev;
}

/**
 * Settles who owns `path`: `free` if nothing is there, `stale` if it is a socket that nobody listens on. Throws
 * `ERR_ADDRESS_IN_USE` if it is live, is not a socket, or cannot be told.
 */
export async function probe(path: string): Promise<'free' | 'stale'> {
  const found = await statPath(path);
  if (found === undefined) return 'free';
  if (!found.isSocket()) throw inUse(path, 'the file there is not a socket');
  const answer = await knock(path);
  if (answer === 'ECONNREFUSED') return 'stale';
  if (answer === 'ENOENT') return 'free';
  throw inUse(
    path,
    answer === undefined ? 'a live server listens there' : `a connection attempt failed with ${answer}`,
  );
}

/** The error of a path that somebody else has, shaped like the system's own. */
export function inUse(path: string, why: string): BusError {
  const cause = Object.assign(new Error(`listen EADDRINUSE: address already in use ${path}`), {
    code: 'EADDRINUSE',
    errno: -constants.errno.EADDRINUSE,
    syscall: 'listen',
    address: path,
  });
  return new BusError('ERR_ADDRESS_IN_USE', `Cannot listen on ${path}: ${why}`, { cause });
}

/** Gives the socket bound at `from` the name `path`, unless that name is in use. */
export async function publishNew(from: string, path: string, stale: FileIdentity | undefined): Promise<void> {
  if (stale !== undefined && isSame(await statPath(path), stale)) await unlink(path);
  try {
    await link(from, path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') throw inUse(path, 'another server took it in the meantime');
    // No hard links here, or none for us; the lock alone keeps others away between the look and the rename.
    if ((await statPath(path)) !== undefined) throw inUse(path, 'another server took it in the meantime');
    await rename(from, path);
    return;
  }
  await unlink(from);
}

/**
 * Refuses who may not connect to the server at `path`, and so has no say about it.
 * @throws BusError `ERR_ADDRESS_IN_USE`.
 */
export async function mayReach(path: string): Promise<void> {
  const answer = await knock(path);
  if (answer !== 'EACCES' && answer !== 'EPERM') return;
  throw inUse(path, `the server that listens there refuses this process: ${answer}`);
}

/** Removes `path` if it still is `own`. */
export function unlinkOwn(path: string, own: FileIdentity): void {
  try {
    if (isSame(lstatSync(path), own)) unlinkSync(path);
  } catch {
    // Gone already, or not ours to remove any more.
  }
}

/**
 * Connects once: `undefined` if somebody accepted, else the code of the refusal. Until `end`, it is also waited for that
 * the peer ends in return, which takes a process that runs.
 */
export function knock(path: string, until: 'connect' | 'end' = 'connect'): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const timer = setTimeout(() => finish('ETIMEDOUT'), probeTimeoutMs);
    const finish = (answer: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    let isOpen = false;
    socket.once('connect', () => {
      isOpen = true;
      if (until === 'connect') finish(undefined);
      else socket.resume().end();
    });
    socket.once('end', () => finish(undefined));
    socket.on('error', (error) => finish(isOpen ? undefined : (codeOf(error) ?? error.message)));
  });
}

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
