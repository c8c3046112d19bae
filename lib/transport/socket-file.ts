import { codeOf } from '../base/code-of.ts';
import { type Stats, lstatSync, unlinkSync } from 'node:fs';
import { link, lstat, rename, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { constants } from 'node:os';
import { BusError } from '../base/errors.ts';

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
 * `ERR_ADDRESS_IN_USE` if it is live, is no socket, or cannot be told.
 */
export async function probe(path: string): Promise<'free' | 'stale'> {
  const found = await statPath(path);
  if (found === undefined) return 'free';
  if (!found.isSocket()) throw inUse(path, 'what stands there is no socket');
  const answer = await knock(path);
  if (answer === 'ECONNREFUSED') return 'stale';
  if (answer === 'ENOENT') return 'free';
  throw inUse(path, answer === undefined ? 'a live server listens there' : `a connection attempt said ${answer}`);
}

/** The error of a path that somebody else has, shaped like the system's own. */
export function inUse(path: string, why: string): BusError {
  const cause = Object.assign(new Error(`listen EADDRINUSE: address already in use ${path}`), {
    code: 'EADDRINUSE',
    errno: -constants.errno.EADDRINUSE,
    syscall: 'listen',
    address: path,
  });
  return new BusError('ERR_ADDRESS_IN_USE', `cannot listen on ${path}: ${why}`, { cause });
}

/** Gives the socket bound at `from` the name `path`, unless that name is taken. */
export async function publishNew(from: string, path: string, stale: FileIdentity | undefined): Promise<void> {
  if (stale !== undefined && isSame(await statPath(path), stale)) await unlink(path);
  try {
    await link(from, path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') throw inUse(path, 'another server took it meanwhile');
    // No hard links here, or none for us; the lock alone keeps others away between the look and the rename.
    if ((await statPath(path)) !== undefined) throw inUse(path, 'another server took it meanwhile');
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
  throw inUse(path, `a server listens there that this process may not reach: ${answer}`);
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
 * the other side ends in return, which takes a process that runs.
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
