import {
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import process from 'node:process';
import { BusError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import { textOf } from '../base/thrown.ts';
import type { PeerCredentials } from './link.ts';

/**
 * Who is at the peer of a unix socket, where the kernel cannot be asked: a server gives a random text, the client
 * makes a file of it, and the file belongs to the user that the client runs as. Both look into the same folders alone.
 */
export interface Question {
  readonly nonce: string;
  readonly folder: string;
}

const stickyAndOpen = 0o1002;
const permissionBits = 0o7777;
/** Nobody makes a file like that by the way. */
const proofMode = 0o444;
const proofName = /^\.busbar-[0-9a-f]{32}$/;
const nonceText = /^[0-9a-f]{32}$/;
const mostLinks = 40;
/** How long a file stays where nobody says that it was looked at. */
const keptMs = 30_000;

function random(): string {
  return Buffer.from(systemRandom.bytes(16)).toString('hex');
}

/** Folders in which everybody makes files, and nobody renames or removes those of others; the first one is the best. */
function commonFolders(): string[] {
  return ['/tmp', '/var/tmp', tmpdir()].flatMap((name) => {
    try {
      const folder = realpathSync(name);
      const { mode, uid } = lstatSync(folder);
      return (mode & stickyAndOpen) === stickyAndOpen && uid === 0 ? [folder] : [];
    } catch {
      return [];
    }
  });
}

/** Names the server too: what was said to one proves nothing to another. */
function proofText(nonce: string, server: string): Buffer {
  return Buffer.from(`busbar credentials\n${nonce}\n${server}\n`);
}

/** What a server asks one client, once. */
export class Challenge {
  readonly question: Question;
  readonly #path: string;
  #isUsed = false;

  /** `path`: where the server listens. Throws `ERR_PEER_LACKS_FEATURE` where there is no folder that both can trust. */
  constructor(path: string) {
    const [folder] = commonFolders();
    if (folder === undefined) throw lacking('there is no sticky folder that everyone can write');
    this.#path = path;
    this.question = { nonce: random(), folder };
  }

  /**
   * Whose file it is that the client named. Rejects with `ERR_PEER_LACKS_FEATURE` for a client that could not make one, and
   * `ERR_UNAUTHORIZED` for any other answer and the second one.
   */
  async check(answer: unknown): Promise<PeerCredentials> {
    if (this.#isUsed) throw forged('it was used before');
    this.#isUsed = true;
    const { file, refused } = (typeof answer === 'object' && answer !== null ? answer : {}) as {
      readonly file?: unknown;
      readonly refused?: unknown;
    };
    if (typeof refused === 'string') throw lacking(`it answered: ${refused.slice(0, 256)}`);
    if (typeof file !== 'string' || !proofName.test(file)) throw forged('it names no file');
    const { nonce, folder } = this.question;
    const server = join(await realpath(dirname(this.#path)), basename(this.#path));
    return { uid: await ownerOf(join(folder, file), proofText(nonce, server)), by: 'challenge' };
  }
}

/** The owner of the file, if it is one that only this proof can be. What is looked at is one open file, whatever its name is by then. */
async function ownerOf(path: string, expected: Buffer): Promise<number> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY).catch((error: unknown) => {
    throw forged(`its file cannot be opened: ${textOf(error)}`);
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile() || stat.nlink !== 1) throw forged('its file was not made for this proof');
    if ((stat.mode & permissionBits) !== proofMode || stat.size !== expected.length)
      throw forged('its file was replaced');
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(expected.length + 1), 0, expected.length + 1, 0);
    if (bytesRead !== expected.length || !buffer.subarray(0, bytesRead).equals(expected)) {
      throw forged('its file has another text');
    }
    return stat.uid;
  } finally {
    await handle.close();
  }
}

/** What a client says to a question, and how it hears that the server has looked. */
export interface Proof {
  readonly answer: { readonly file: string } | { readonly refused: string };
  done(): void;
}

/** A client's end: answers servers that it dialled. One for the process. */
export class Prover {
  readonly #files = new Map<string, NodeJS.Timeout>();
  readonly #removeAll = (): void => {
    for (const file of this.#files.keys()) this.#remove(file);
  };

  /** Answers what the server at `path` asked, whatever that is; never throws. */
  prove(question: unknown, path: string): Proof {
    try {
      const { nonce, folder } = asQuestion(question);
      const text = proofText(nonce, canonical(path));
      const name = `.busbar-${random()}`;
      const file = join(folder, name);
      const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
      const fd = openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      this.#keep(file);
      try {
        writeSync(fd, text);
        fchmodSync(fd, proofMode);
      } finally {
        closeSync(fd);
      }
      return { answer: { file: name }, done: () => this.#remove(file) };
    } catch (error) {
      return { answer: { refused: textOf(error) }, done() {} };
    }
  }

  #keep(file: string): void {
    if (this.#files.size === 0) process.once('exit', this.#removeAll);
    this.#files.set(file, setTimeout(() => this.#remove(file), keptMs).unref());
  }

  #remove(file: string): void {
    clearTimeout(this.#files.get(file));
    if (!this.#files.delete(file)) return;
    if (this.#files.size === 0) process.off('exit', this.#removeAll);
    try {
      unlinkSync(file);
    } catch {
      // It is gone.
    }
  }
}

/** A server chooses among the folders that this process has by itself, and nothing else. @throws Error. */
function asQuestion(value: unknown): Question {
  const { nonce, folder } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Question>;
  if (typeof nonce !== 'string' || !nonceText.test(nonce)) throw new Error('the challenge is not valid');
  if (typeof folder !== 'string' || !commonFolders().includes(folder)) throw new Error('the folder is not suitable');
  return { nonce, folder };
}

/**
 * Where `path` leads, as its server calls it. Links on the way count only if they are root's or of this user: by one of its own, another
 * user's server could pass for the one it leads to, and ask this process what it was asked itself. @throws Error.
 */
function canonical(path: string): string {
  const whole = isAbsolute(path) ? path : `${process.cwd()}${sep}${path}`;
  const left = whole.split(sep);
  let at: string = sep;
  for (let links = 0; left.length > 0; ) {
    const next = join(at, left.shift() ?? '');
    const found = lstatSync(next, { throwIfNoEntry: left.length > 0 });
    if (found?.isSymbolicLink() !== true) {
      at = next;
      continue;
    }
    links += 1;
    if (links > mostLinks || (found.uid !== 0 && found.uid !== process.geteuid?.())) {
      throw new Error(`${next} is a symbolic link of another user`);
    }
    const target = readlinkSync(next);
    if (isAbsolute(target)) at = sep;
    left.unshift(...target.split(sep));
  }
  return at;
}

function lacking(why: string): BusError {
  return new BusError('ERR_PEER_LACKS_FEATURE', `The client cannot prove its user: ${why}`);
}

function forged(why: string): BusError {
  return new BusError('ERR_UNAUTHORIZED', `The client did not prove its user: ${why}`);
}
