import type { LogFile, LogFiles } from '../../../lib/plugins/journal/index.ts';
import type { SeededRandom } from '../../../lib/testing/index.ts';

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: on purpose`), { code });
}

interface Content {
  bytes: Buffer;
  /** How much of it is on the disk for sure. */
  synced: number;
  /** Whether its name is. */
  isNamed: boolean;
}

interface UnderWay {
  readonly content: Content;
  readonly bytes: Buffer;
  readonly position: number;
}

/** A file system in memory, whose machine may end at any time, whose disk may be full, and whose calls may fail. */
export class Disk implements LogFiles {
  readonly #random: SeededRandom;
  readonly #files = new Map<string, Content>();
  readonly #underWay = new Set<UnderWay>();
  /** Bytes that still fit. */
  room = Number.POSITIVE_INFINITY;
  /** By the name of a call: what it fails with. */
  readonly failing = new Map<string, string>();
  /** By the name of a call: until when it has not begun. */
  readonly held = new Map<string, Promise<void>>();
  #isOver = false;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  get names(): string[] {
    return [...this.#files.keys()];
  }

  contentOf(path: string): Buffer {
    return this.#fileAt(path).bytes;
  }

  /** What the next process finds: all that was written, and of what is being written a part. */
  killed(): Disk {
    return this.#after(() => {});
  }

  /** What is there once there is power again: what was forced to the disk, and of the rest whatever came to be there. */
  unplugged(): Disk {
    return this.#after((path, content, files) => {
      if (!content.isNamed && this.#random.unit() < 0.5) files.delete(path);
      const kept = content.synced + Math.floor(this.#random.unit() * (content.bytes.length - content.synced + 1));
      const isZeroed = this.#random.unit() < 0.2;
      content.bytes = isZeroed ? ownCopy(content.bytes).fill(0, kept) : content.bytes.subarray(0, kept);
    });
  }

  async makeFolder(): Promise<void> {
    await this.#call('makeFolder');
  }

  async list(folder: string): Promise<string[]> {
    await this.#call('list');
    const prefix = `${folder}/`;
    const below = this.names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
    return [...new Set(below.map((name) => name.split('/')[0] as string))];
  }

  async create(path: string): Promise<LogFile> {
    await this.#call('create');
    if (this.#files.has(path)) throw systemError('EEXIST');
    const content = { bytes: ownCopy(Buffer.alloc(0)), synced: 0, isNamed: false };
    this.#files.set(path, content);
    return this.#handle(content);
  }

  async open(path: string): Promise<LogFile> {
    await this.#call('open');
    return this.#handle(this.#fileAt(path));
  }

  async remove(path: string): Promise<void> {
    await this.#call('remove');
    this.#fileAt(path);
    this.#files.delete(path);
  }

  async removeFolder(folder: string): Promise<void> {
    await this.#call('removeFolder');
    for (const path of this.names) if (path.startsWith(`${folder}/`)) this.#files.delete(path);
  }

  async syncFolder(folder: string): Promise<void> {
    await this.#call('syncFolder');
    for (const [path, content] of this.#files) if (path.startsWith(`${folder}/`)) content.isNamed = true;
  }

  async claim(path: string, text: string): Promise<boolean> {
    await this.#call('claim');
    if (this.#files.has(path)) return false;
    this.#files.set(path, { bytes: ownCopy(Buffer.from(text)), synced: text.length, isNamed: true });
    return true;
  }

  async text(path: string): Promise<string | undefined> {
    await this.#call('text');
    return this.#files.get(path)?.bytes.toString();
  }

  #fileAt(path: string): Content {
    const content = this.#files.get(path);
    if (content === undefined) throw systemError('ENOENT');
    return content;
  }

  #handle(content: Content): LogFile {
    return {
      write: (parts, position) => this.#write(content, Buffer.concat(parts), position),
      read: async (into, position) => {
        await this.#call('read');
        return content.bytes.copy(into, 0, position, position + into.length);
      },
      size: async () => {
        await this.#call('size');
        return content.bytes.length;
      },
      sync: async () => {
        const { length } = content.bytes;
        await this.#call('sync');
        content.synced = Math.max(content.synced, length);
      },
      truncate: async (length) => {
        await this.#call('truncate');
        content.bytes = content.bytes.subarray(0, length);
        content.synced = Math.min(content.synced, length);
      },
      close: () => this.#call('close'),
    };
  }

  async #write(content: Content, bytes: Buffer, position: number): Promise<void> {
    const write = { content, bytes, position };
    this.#underWay.add(write);
    try {
      await this.#call('write');
    } catch (error) {
      put(write, Math.floor(this.#random.unit() * (bytes.length + 1)));
      throw error;
    } finally {
      this.#underWay.delete(write);
    }
    const fits = Math.min(bytes.length, this.room);
    this.room -= fits;
    put(write, fits);
    if (fits < bytes.length) throw systemError('ENOSPC');
  }

  /** A while, after which what is to fail fails; nothing comes back once the machine is over. */
  async #call(name: string): Promise<void> {
    await this.held.get(name);
    for (let ticks = Math.floor(this.#random.unit() * 4); ticks >= 0; ticks--) await Promise.resolve();
    if (this.#isOver) await new Promise(() => {});
    const code = this.failing.get(name);
    if (code !== undefined) throw systemError(code);
  }

  #after(lose: (path: string, content: Content, files: Map<string, Content>) => void): Disk {
    this.#isOver = true;
    for (const write of this.#underWay) put(write, Math.floor(this.#random.unit() * (write.bytes.length + 1)));
    const next = new Disk(this.#random);
    for (const [path, content] of this.#files) next.#files.set(path, { ...content, bytes: ownCopy(content.bytes) });
    for (const [path, content] of next.#files) lose(path, content, next.#files);
    // Its owner is gone with it.
    for (const path of next.names) if (path.endsWith('/lock')) next.#files.delete(path);
    return next;
  }
}

/** In memory that nobody else has a part of. */
function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.from(new ArrayBuffer(bytes.length));
  bytes.copy(copy);
  return copy;
}

function put({ content, bytes, position }: UnderWay, count: number): void {
  const end = position + count;
  const { length, byteOffset, buffer } = content.bytes;
  if (length < end) {
    if (buffer.byteLength - byteOffset < end || byteOffset > 0) {
      const larger = Buffer.from(new ArrayBuffer(Math.max(4_096, 2 * end)));
      content.bytes.copy(larger);
      content.bytes = larger.subarray(0, end);
    } else {
      content.bytes = Buffer.from(buffer, 0, end).fill(0, length);
    }
  }
  bytes.copy(content.bytes, position, 0, count);
}
