import { close, constants, fdatasync, fstat, fstatSync, fsync, ftruncate, open, read, writev } from 'node:fs';
import { link, mkdir, readdir, rm, statfs, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { systemRandom } from '../../../base/random.ts';
import { codeOf } from '../../../base/thrown.ts';
import { bePresent, isPresent, type Presence } from './presence.ts';

/** One open file. Each method rejects with the system's error. */
export interface LogFile {
  /** Writes all of `parts`, one behind the other, from `position` on. */
  write(parts: readonly Uint8Array[], position: number): Promise<void>;
  /** Resolves with how many bytes there were; fewer than asked for at the end only. */
  read(into: Uint8Array, position: number): Promise<number>;
  size(): Promise<number>;
  /** Resolves when what was written survives the loss of power. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** What a journal needs of a file system. Each method rejects with the system's error. */
export interface LogFiles {
  /** Makes the folder and those above it, for this user alone; fine where there is one. */
  makeFolder(path: string): Promise<void>;
  /** The names in a folder, in any order. */
  list(folder: string): Promise<string[]>;
  /** A new file to write and read; rejects `EEXIST` where there is one. */
  create(path: string): Promise<LogFile>;
  /** One that is there, to write too unless it `isToRead`; rejects for a link, a pipe or a folder. */
  open(path: string, isToRead?: boolean): Promise<LogFile>;
  remove(path: string): Promise<void>;
  /** Removes a folder and all that is in it; fine where there is none. */
  removeFolder(path: string): Promise<void>;
  /** Resolves when the names in the folder survive the loss of power. */
  syncFolder(path: string): Promise<void>;
  /** Makes a file with `text` at once; false where there is one of that name. */
  claim(path: string, text: string): Promise<boolean>;
  /** The text of a small file; undefined where there is none. */
  text(path: string): Promise<string | undefined>;
  /** Listens on a socket of that path, until it is closed or the process ends; where there are sockets. */
  bePresent?(path: string): Promise<Presence>;
  /** Whether somebody of this machine listens there; true also where that cannot be told. */
  isPresent?(path: string): Promise<boolean>;
  /** Whether the folder is on a disk that this machine alone has; false also where that cannot be told. */
  isLocal?(folder: string): Promise<boolean>;
}

const openFile = promisify(open);
const closeFile = promisify(close);
const statFile = promisify(fstat);
const syncData = promisify(fdatasync);
const syncAll = promisify(fsync);
const truncateFile = promisify(ftruncate);

function readAt(fd: number, into: Uint8Array, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, into, offset, into.length - offset, position, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });
}

function writeAt(fd: number, parts: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(fd, parts, position, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });
}

/** The parts without their first `bytes` bytes. */
function behind(parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes;
  const rest: Uint8Array[] = [];
  for (const part of parts) {
    if (left < part.length) rest.push(part.subarray(left));
    left = Math.max(0, left - part.length);
  }
  return rest;
}

class NodeFile implements LogFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  async write(parts: readonly Uint8Array[], position: number): Promise<void> {
    let at = position;
    for (let rest = parts; rest.length > 0; ) {
      const bytes = await writeAt(this.#fd, rest, at);
      at += bytes;
      rest = behind(rest, bytes);
    }
    // The system takes what is written to a file that was removed. Asked at once: it knows, and a turn would cost more.
    if (fstatSync(this.#fd).nlink === 0)
      throw Object.assign(new Error('ENOENT: the file was removed'), { code: 'ENOENT' });
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let got = 0;
    while (got < into.length) {
      const bytes = await readAt(this.#fd, into, got, position + got);
      if (bytes === 0) break;
      got += bytes;
    }
    return got;
  }

  async size(): Promise<number> {
    return (await statFile(this.#fd)).size;
  }

  sync(): Promise<void> {
    return syncData(this.#fd);
  }

  truncate(length: number): Promise<void> {
    return truncateFile(this.#fd, length);
  }

  close(): Promise<void> {
    return closeFile(this.#fd);
  }
}

/** What Linux calls file systems of one machine: ext, XFS, Btrfs, F2FS, ZFS, bcachefs, tmpfs, ramfs and overlays of those. */
const ofOneMachine = [
  0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1, 0xca451a4e, 0x01021994, 0x858458f6, 0x794c7630,
];

// Windows has not all of them, and reads what is missing as 0.
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

/** More than what is written there at once. */
const mostTextBytes = 16_384;

/** Nothing but a file of the folder: a pipe might never answer, and what a link leads to is somebody else's. */
async function openOwn(path: string, flags: number): Promise<LogFile> {
  const fd = await openFile(path, flags | O_NOFOLLOW | O_NONBLOCK);
  const file = new NodeFile(fd);
  // Asked at once, as after a write.
  if (fstatSync(fd).isFile()) return file;
  await file.close();
  throw Object.assign(new Error(`${path} is not a file`), { code: 'EINVAL' });
}

/** The file system of the platform. */
export const systemFiles: LogFiles = {
  makeFolder: async (path) => void (await mkdir(path, { recursive: true, mode: 0o700 })),
  list: (folder) => readdir(folder),
  create: async (path) => new NodeFile(await openFile(path, O_RDWR | O_CREAT | O_EXCL, 0o600)),
  open: (path, isToRead = false) => openOwn(path, isToRead ? O_RDONLY : O_RDWR),
  remove: (path) => unlink(path),
  removeFolder: (path) => rm(path, { recursive: true, force: true }),
  async syncFolder(path) {
    // Windows opens no folders, and has their names survive by itself.
    if (process.platform === 'win32') return;
    const fd = await openFile(path, O_RDONLY);
    try {
      await syncAll(fd);
    } finally {
      await closeFile(fd);
    }
  },
  async claim(path, text) {
    // A link to a file that is whole already: nobody ever reads half of it.
    const whole = `${path}.${Buffer.from(systemRandom.bytes(6)).toString('hex')}`;
    try {
      await writeFile(whole, text, { flag: 'wx', mode: 0o600 });
      await link(whole, path);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    } finally {
      await rm(whole, { force: true });
    }
  },
  async text(path) {
    try {
      const file = await openOwn(path, O_RDONLY);
      try {
        const bytes = Buffer.alloc(mostTextBytes);
        return bytes.toString('utf8', 0, await file.read(bytes, 0));
      } finally {
        await file.close();
      }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  },
  bePresent,
  isPresent,
  isLocal: async (folder) => process.platform === 'linux' && ofOneMachine.includes((await statfs(folder)).type),
};

/** The path of `name` in `folder`. */
export const pathIn = (folder: string, name: string): string => join(folder, name);
