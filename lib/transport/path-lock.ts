import { codeOf } from '../base/thrown.ts';
import { constants } from 'node:fs';
import { lstat, open, readlink, rename, symlink, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { BusError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';

/** A holder works for milliseconds; a lock this old belongs to one that was killed or stopped. */
const staleAfterMs = 10_000;
const pollMs = 15;
/** Who waits looks so often at least: in a process that hardly runs, time alone says nothing of others. */
const fewestTries = 20;
const longestOwner = 512;

/**
 * The right to change the file at a socket path. It is acquired by creating `path.lock`, which names its owner:
 * `host:pid:token`. It is a symbolic link, because creating one is atomic and needs no second step, and a file if links
 * are not permitted.
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
   * Waits up to `waitMs` for the lock; `undefined` if others of this user held it all the time. Rejects with `ERR_LISTEN`
   * for a lock that is not ours to remove, and with the system's error where no lock can be made. `discard` gets the
   * token of a holder that died, to remove what it left.
   */
  static async take(
    path: string,
    waitMs: number,
    discard: (token: string) => Promise<void>,
  ): Promise<PathLock | undefined> {
    const file = `${path}.lock`;
    const token = Buffer.from(systemRandom.bytes(6)).toString('hex');
    const owner = `${ownHost()}:${process.pid}:${token}`;
    const until = performance.now() + waitMs;
    for (let tries = 1; ; tries++) {
      if (await make(owner, file)) return new PathLock(file, owner, token);
      if (tries >= fewestTries && performance.now() >= until) return refuseForeign(path, file);
      if (await breakStale(path, file, token, discard)) continue;
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

/** False where there is one already. Throws the system's error where none can be made. */
async function make(owner: string, file: string): Promise<boolean> {
  try {
    await symlink(owner, file).catch((error: unknown) => {
      if (codeOf(error) === 'EEXIST') throw error;
      return writeFile(file, owner, { flag: 'wx', mode: 0o644 });
    });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock if its holder is gone; true if another try to take it makes sense at once. */
async function breakStale(
  path: string,
  file: string,
  ownToken: string,
  discard: (token: string) => Promise<void>,
): Promise<boolean> {
  const owner = await ownerOf(file);
  if (owner === undefined) return true;
  if (!(await isStale(file, owner))) return false;
  // Of several that found it stale, one gets it: a rename succeeds once. Should it have moved a younger lock, that one
  // goes back.
  const aside = `${file}.${ownToken}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true;
    throw await notOurs(path, file, error);
  }
  const moved = await ownerOf(aside);
  await unlink(aside).catch(ignore);
  if (moved !== undefined && moved !== owner) {
    await make(moved, file).catch(ignore);
    return false;
  }
  const token = owner.split(':').at(-1) ?? '';
  if (/^[0-9a-f]{12}$/.test(token)) await discard(token);
  return true;
}

async function isStale(file: string, owner: string): Promise<boolean> {
  const [host, pid] = owner.split(':');
  if (host !== '' && host === ownHost() && !isAlive(Number(pid))) return true;
  try {
    return Date.now() - (await lstat(file)).mtimeMs > staleAfterMs;
  } catch {
    return false;
  }
}

/** Unknown, where this process may not ask, counts as alive. */
function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

function ownHost(): string {
  try {
    return hostname();
  } catch {
    return '';
  }
}

/** What the lock says of its owner, nothing if it cannot be read; `undefined` if there is none. */
async function ownerOf(file: string): Promise<string | undefined> {
  try {
    return await readlink(file);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
  }
  // Whatever somebody put there must not hold this process, be it a pipe or endless.
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(file, O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0)).catch(ignore);
  if (handle === undefined) return '';
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(longestOwner), 0, longestOwner, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return '';
  } finally {
    await handle.close();
  }
}

/** A lock that was held all the time: an error if it is another user's, who need not mean it for one. */
async function refuseForeign(path: string, file: string): Promise<undefined> {
  const uid = (await lstat(file).catch(ignore))?.uid;
  if (uid !== undefined && uid !== process.getuid?.()) throw await notOurs(path, file, undefined);
  return undefined;
}

async function notOurs(path: string, file: string, cause: unknown): Promise<BusError> {
  const owner = (await ownerOf(file)) ?? '';
  const [host, pid] = owner.split(':');
  const uid = (await lstat(file).catch(ignore))?.uid;
  const whose = `user ${uid ?? 'unknown'}${pid === undefined ? '' : `, process ${pid} of ${host}`}`;
  const why = cause === undefined ? 'stays locked' : `cannot be removed: ${String(codeOf(cause))}`;
  const message = `Cannot listen on unix:${path}: its lock ${file} belongs to ${whose}, and ${why}`;
  return new BusError('ERR_LISTEN', message, cause === undefined ? {} : { cause });
}

function ignore(): undefined {}
