import { codeOf } from '../base/code-of.ts';
import { lstat, readlink, rename, symlink, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { systemRandom } from '../base/random.ts';

/** A holder works for milliseconds; a lock this old belongs to one that was killed or stopped. */
const staleAfterMs = 10_000;
const pollMs = 15;

/**
 * The right to change what stands at a socket path. Taken by making the symbolic link `path.lock`, since that is atomic
 * and carries who made it: `host:pid:token`.
 */
export class PathLock {
  readonly token: string;
  readonly #file: string;
  readonly #owner: string;

  private constructor(file: string, owner: string, token: string) {
    this.#file = file;
    this.#owner = owner;
    this.token = token;
  }

  /**
   * Waits up to `waitMs` for the lock; `undefined` if others held it all the time. Throws the system's error where no
   * lock can be made. `discard` gets the token of a holder that died, to remove what it left.
   */
  static async take(
    path: string,
    waitMs: number,
    discard: (token: string) => Promise<void>,
  ): Promise<PathLock | undefined> {
    const file = `${path}.lock`;
    const token = Buffer.from(systemRandom.bytes(6)).toString('hex');
    const owner = `${hostname()}:${process.pid}:${token}`;
    const until = performance.now() + waitMs;
    for (;;) {
      if (await makeLink(owner, file)) return new PathLock(file, owner, token);
      if (await breakStale(file, token, discard)) continue;
      if (performance.now() >= until) return undefined;
      await new Promise((resolve) => setTimeout(resolve, pollMs * (0.5 + systemRandom.unit())));
    }
  }

  /** False once somebody took this lock for stale. */
  async held(): Promise<boolean> {
    return (await ownerOf(this.#file)) === this.#owner;
  }

  async free(): Promise<void> {
    if (await this.held()) await unlink(this.#file).catch(ignore);
  }
}

async function makeLink(owner: string, file: string): Promise<boolean> {
  try {
    await symlink(owner, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock if its holder is gone; true if another try to take it makes sense at once. */
async function breakStale(file: string, ownToken: string, discard: (token: string) => Promise<void>): Promise<boolean> {
  const owner = await ownerOf(file);
  if (owner === undefined) return !(await exists(file));
  if (!(await isStale(file, owner))) return false;
  // Of several that found it stale, one gets it: a rename succeeds once. Should it have moved a younger lock, that one
  // goes back.
  const aside = `${file}.${ownToken}`;
  try {
    await rename(file, aside);
  } catch {
    return true;
  }
  const moved = await ownerOf(aside);
  await unlink(aside).catch(ignore);
  if (moved !== undefined && moved !== owner) {
    await symlink(moved, file).catch(ignore);
    return false;
  }
  const token = owner.split(':').at(-1) ?? '';
  if (/^[0-9a-f]{12}$/.test(token)) await discard(token);
  return true;
}

async function isStale(file: string, owner: string): Promise<boolean> {
  const [host, pid] = owner.split(':');
  if (host === hostname() && !isAlive(Number(pid))) return true;
  try {
    return Date.now() - (await lstat(file)).mtimeMs > staleAfterMs;
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

async function ownerOf(file: string): Promise<string | undefined> {
  return readlink(file).catch(() => undefined);
}

async function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

function ignore(): void {}
