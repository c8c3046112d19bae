import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import process from 'node:process';
import { BusError } from '../../../base/errors.ts';
import { linuxProcesses } from '../../../base/process-table.ts';
import { systemRandom, token } from '../../../base/random.ts';
import { codeOf } from '../../../base/thrown.ts';
import { type LogFiles, pathIn } from './files.ts';

/** How the owner of a folder is known: its process, and this one lock. */
export interface Owner {
  readonly host: string;
  readonly pid: number;
  /** Where the system tells: two processes with one pid differ in it. */
  readonly start?: number | undefined;
  readonly place?: string | undefined;
  readonly token: string;
}

/** The right to write in a folder, which the file `lock` in it says who has. A process that died has it no more. */
export class FolderLock {
  readonly #files: LogFiles;
  readonly #path: string;
  readonly #leavingPath: string;
  readonly #text: string;
  #leaving: Promise<void> | undefined;

  private constructor(files: LogFiles, folder: string, text: string) {
    this.#files = files;
    this.#path = pathIn(folder, 'lock');
    this.#leavingPath = pathIn(folder, 'leaving');
    this.#text = text;
  }

  /** @throws BusError `ERR_JOURNAL_IN_USE`, or the system's error where no lock can be made. */
  static async take(files: LogFiles, folder: string): Promise<FolderLock> {
    const path = pathIn(folder, 'lock');
    const own = newOwner();
    const text = JSON.stringify(own);
    // Each round that fails is one in which somebody else got the lock, or let go of it.
    for (let round = 0; round < 100; round++) {
      if (await files.claim(path, text)) return new FolderLock(files, folder, text);
      const found = await files.text(path);
      if (found === undefined) continue;
      const owner = ownerIn(found);
      if (owner !== undefined && !isGone(owner, own)) throw inUse(folder, owner);
      await breakLock(files, folder, found, text);
    }
    throw inUse(folder, undefined);
  }

  /** Who has the folder by now, in words; undefined where nobody has. Rejects the system's error. */
  static async holder(files: LogFiles, folder: string): Promise<string | undefined> {
    const found = await files.text(pathIn(folder, 'lock'));
    const owner = found === undefined ? undefined : ownerIn(found);
    if (owner === undefined || isGone(owner, { host: hostname(), ...linuxProcesses.own() })) return undefined;
    return nameOf(owner);
  }

  /** Whether whoever has it is about to let go of it. Rejects the system's error. */
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

  /** Lets go of it; somebody else's, which stands there by now, is left. */
  async free(): Promise<void> {
    await this.#leaving;
    if ((await this.#files.text(this.#path)) !== this.#text) return;
    await removeAny(this.#files, this.#path);
    if (this.#leaving === undefined || (await this.#files.text(this.#leavingPath)) !== this.#text) return;
    await removeAny(this.#files, this.#leavingPath);
  }
}

/**
 * Removes a lock whose owner is gone. The right to do that is a file named by what the lock says, and who has it is gone
 * too leaves it to who makes the file named by that, and so on: one process has it at a time, and what it removes nobody
 * else can have replaced. Throws `ERR_JOURNAL_IN_USE` where another process is at it.
 */
async function breakLock(files: LogFiles, folder: string, stale: string, own: string): Promise<void> {
  const path = pathIn(folder, 'lock');
  const rights: string[] = [];
  for (let over = stale; ; ) {
    const right = pathIn(folder, `lock.${createHash('sha256').update(over).digest('hex').slice(0, 32)}`);
    rights.push(right);
    if (await files.claim(right, own)) break;
    const found = await files.text(right);
    if (found === undefined) return;
    const owner = ownerIn(found);
    if (owner !== undefined && !isGone(owner, newOwner())) throw inUse(folder, owner);
    over = found;
  }
  try {
    // Another one may have been here before this one had the right to.
    if ((await files.text(path)) === stale) await removeAny(files, path);
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

/** This process, as the owner of one thing. */
export function newOwner(): Owner {
  return { host: hostname(), pid: process.pid, ...linuxProcesses.own(), token: token(systemRandom) };
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
  // Of the same machine, but started anew since, or in another namespace of pids: only the former has ended for sure.
  if (place !== undefined && own.place !== undefined) return place.split(' ')[0] !== own.place.split(' ')[0];
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
