import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import process from 'node:process';
import { BusError } from '../../../base/errors.ts';
import { linuxProcesses } from '../../../base/process-table.ts';
import { systemRandom, token } from '../../../base/random.ts';
import { codeOf } from '../../../base/thrown.ts';
import { type LogFiles, pathIn } from './files.ts';
import type { Presence } from './presence.ts';

/** How the owner of a folder is known: its process, and this one lock. */
export interface Owner {
  readonly host: string;
  readonly pid: number;
  /** Where the system tells: two processes with one pid differ in it. */
  readonly start?: number | undefined;
  readonly place?: string | undefined;
  readonly token: string;
  /** The name of a socket in the folder that it listens on: who is of another namespace of pids asks there. */
  readonly socket?: string | undefined;
}

/** The name of a machine's first pid namespace in `/proc`: a process in another one has no pid outside of it. */
const firstPids = 'pid:[4026531836]';

/** The right to write in a folder, which the file `lock` in it says who has. A process that died has it no more. */
export class FolderLock {
  readonly #files: LogFiles;
  readonly #path: string;
  readonly #leavingPath: string;
  readonly #text: string;
  readonly #presence: Presence | undefined;
  #leaving: Promise<void> | undefined;

  private constructor(files: LogFiles, folder: string, text: string, presence: Presence | undefined) {
    this.#files = files;
    this.#presence = presence;
    this.#path = pathIn(folder, 'lock');
    this.#leavingPath = pathIn(folder, 'leaving');
    this.#text = text;
  }

  /** @throws BusError `ERR_JOURNAL_IN_USE`, or the system's error where no lock can be made. */
  static async take(files: LogFiles, folder: string): Promise<FolderLock> {
    const { own, presence } = await present(files, folder);
    try {
      return await FolderLock.#take(files, folder, own, presence);
    } catch (error) {
      await presence?.close();
      throw error;
    }
  }

  static async #take(files: LogFiles, folder: string, own: Owner, presence: Presence | undefined): Promise<FolderLock> {
    const path = pathIn(folder, 'lock');
    const text = JSON.stringify(own);
    // Each round that fails is one in which somebody else got the lock, or release it.
    for (let round = 0; round < 100; round++) {
      if (await files.claim(path, text)) return new FolderLock(files, folder, text, presence);
      const found = await files.text(path);
      if (found === undefined) continue;
      const owner = ownerIn(found);
      if (owner !== undefined && !(await isOver(files, folder, owner, own))) throw inUse(folder, owner);
      await breakLock(files, folder, found, own);
    }
    throw inUse(folder, undefined);
  }

  /** Who has the folder by now, in words; undefined where nobody has. Rejects with the system's error. */
  static async holder(files: LogFiles, folder: string): Promise<string | undefined> {
    const found = await files.text(pathIn(folder, 'lock'));
    const owner = found === undefined ? undefined : ownerIn(found);
    if (owner === undefined || (await isOver(files, folder, owner, newOwner()))) return undefined;
    return nameOf(owner);
  }

  /** Whether its owner is about to release it. Rejects with the system's error. */
  static async isLeft(files: LogFiles, folder: string): Promise<boolean> {
    // In this order, since the lock goes first.
    const leaving = await files.text(pathIn(folder, 'leaving'));
    const lock = await files.text(pathIn(folder, 'lock'));
    return lock === undefined || lock === leaving;
  }

  /** Says that it is about to be free; nothing comes of a failure but that nobody waits for that. */
  leave(): void {
    const leave = async (): Promise<void> => {
      if (!(await this.#files.claim(this.#leavingPath, this.#text))) {
        // Of a process that did not get to the end of it.
        await removeAny(this.#files, this.#leavingPath);
        await this.#files.claim(this.#leavingPath, this.#text);
      }
    };
    this.#leaving ??= leave().catch(() => {});
  }

  /** Releases it; somebody else's, which stands there by now, is left. */
  async free(): Promise<void> {
    try {
      await this.#free();
    } finally {
      await this.#presence?.close();
    }
  }

  async #free(): Promise<void> {
    await this.#leaving;
    if ((await this.#files.text(this.#path)) !== this.#text) return;
    await removeAny(this.#files, this.#path);
    if (this.#leaving === undefined) return;
    // What else stands under that name is none of its business: it has released the lock.
    const leaving = await this.#files.text(this.#leavingPath).catch(() => undefined);
    if (leaving === this.#text) await removeAny(this.#files, this.#leavingPath);
  }
}

/**
 * Removes a lock whose owner is gone. The right to do that is a file named by what the lock says, and who has it is gone
 * too leaves it to who makes the file named by that, and so on: one process has it at a time, and what it removes nobody
 * else can have replaced. Throws `ERR_JOURNAL_IN_USE` where another process is at it.
 */
async function breakLock(files: LogFiles, folder: string, stale: string, own: Owner): Promise<void> {
  const path = pathIn(folder, 'lock');
  const rights: string[] = [];
  for (let over = stale; ; ) {
    const right = pathIn(folder, `lock.${createHash('sha256').update(over).digest('hex').slice(0, 32)}`);
    rights.push(right);
    if (await files.claim(right, JSON.stringify(own))) break;
    const found = await files.text(right);
    if (found === undefined) return;
    const owner = ownerIn(found);
    if (owner !== undefined && !(await isOver(files, folder, owner, own))) throw inUse(folder, owner);
    over = found;
  }
  try {
    // Another one may have been here before this one had the right to.
    if ((await files.text(path)) === stale) {
      await removeAny(files, path);
      const socket = socketOf(ownerIn(stale));
      if (socket !== undefined) await removeAny(files, pathIn(folder, socket));
    }
    for (const right of rights.slice(0, -1)) await removeAny(files, right);
  } finally {
    await removeAny(files, rights.at(-1) as string);
  }
}

async function removeAny(files: LogFiles, path: string): Promise<void> {
  await files.remove(path).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
}

/** This process, and where it has a namespace of pids of its own, the socket by which others know that it lives. */
async function present(
  files: LogFiles,
  folder: string,
): Promise<{ readonly own: Owner; readonly presence: Presence | undefined }> {
  const own = newOwner();
  if (own.place === undefined || files.bePresent === undefined || isOutside(own)) {
    return { own, presence: undefined };
  }
  const socket = `lock.${own.token}.live`;
  try {
    return { own: { ...own, socket }, presence: await files.bePresent(pathIn(folder, socket)) };
  } catch {
    // The file system has none; then nobody outside can tell when this process has ended.
    return { own, presence: undefined };
  }
}

function socketOf(owner: Owner | undefined): string | undefined {
  const name = owner?.socket;
  return typeof name === 'string' && /^lock\.[\w-]{22}\.live$/.test(name) ? name : undefined;
}

/**
 * As `isGone`, and of the same machine in another namespace by the socket that it had, also where that machine was started
 * again since: then the folder tells that it is the same.
 */
async function isOver(files: LogFiles, folder: string, owner: Owner, own: Owner): Promise<boolean> {
  if (isGone(owner, own)) return true;
  if (owner.place === undefined || own.place === undefined || owner.place === own.place) return false;
  const socket = socketOf(owner);
  if (bootOf(owner) !== bootOf(own)) {
    if ((await files.isLocal?.(folder)) !== true) return false;
    // Some containers are told another boot id than that of the machine; a process outside of them never is.
    if (socket === undefined) return isOutside(owner) && isOutside(own);
  }
  return socket !== undefined && (await files.isPresent?.(pathIn(folder, socket))) === false;
}

const isOutside = ({ place }: Owner): boolean => place?.includes(firstPids) === true;

const bootOf = ({ place }: Pick<Owner, 'place'>): string | undefined => place?.split(' ')[0];

let ownMark: Omit<Owner, 'token'> | undefined;

/** This process, as the owner of one thing. */
export function newOwner(): Owner {
  // It stays the same as long as the process lives.
  ownMark ??= { host: hostname(), pid: process.pid, ...linuxProcesses.own() };
  return { ...ownMark, token: token(systemRandom) };
}

/** Undefined for what no process of ours wrote, which nobody holds. */
export function ownerIn(text: string): Owner | undefined {
  try {
    const found = JSON.parse(text) as Partial<Owner> | null;
    if (typeof found?.host !== 'string' || typeof found.pid !== 'number') return undefined;
    return found as Owner;
  } catch {
    return undefined;
  }
}

/** False also where it cannot be told. */
export function isGone(owner: Owner, own: Pick<Owner, 'host' | 'place'>): boolean {
  const { pid, start, place } = owner;
  if (start !== undefined && place !== undefined && place === own.place) {
    return linuxProcesses.isGone({ pid, start, place });
  }
  if (owner.host !== own.host) return false;
  // Of the same machine, but started again since, or in another namespace of pids: only the former has ended for sure.
  if (place !== undefined && own.place !== undefined) return bootOf(owner) !== bootOf(own);
  try {
    return !process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
}

function nameOf({ pid, host }: Owner): string {
  return `process ${pid} of ${host}`;
}

function inUse(folder: string, owner: Owner | undefined): BusError {
  const whose = owner === undefined ? 'others' : nameOf(owner);
  return new BusError('ERR_JOURNAL_IN_USE', `The journal in ${folder} is held by ${whose}`);
}
