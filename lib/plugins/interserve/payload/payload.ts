import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { transferError } from '../outcomes.ts';

/** Bytes read at once for the hash alone. */
const hashedBytes = 256 * 1024;

/** The form in which a value is handed over at the peer. */
export type ValueKind = 'string' | 'bytes';

/** Content to send: bytes that can be read again from any position, so that a broken transfer can resume. */
export interface Payload {
  readonly kind: ValueKind;
  /** The base name of a file; undefined for anything else. */
  readonly name: string | undefined;
  /** Bytes in all; undefined while the end of a stream is not known. */
  readonly size: number | undefined;
  /** Bytes that can be read without waiting for a source. */
  readonly available: number;
  readonly fingerprint: Fingerprint;
  /**
   * Resolves with at most `length` bytes from `position`, none at the end. They may lie in `scratch` and are valid until it is
   * used again.
   */
  read(position: number, length: number, scratch: Scratch): Promise<Uint8Array>;
  /** Resolves when more than `position` bytes are available or the end is known. */
  beyond(position: number): Promise<void>;
  close(): Promise<void>;
}

/** A buffer that is allocated on first use and grows as needed. */
export class Scratch {
  #buffer: Buffer | undefined;

  take(length: number): Buffer {
    if (this.#buffer === undefined || this.#buffer.length < length) this.#buffer = Buffer.allocUnsafeSlow(length);
    return this.#buffer.subarray(0, length);
  }
}

/**
 * The SHA-256 of a payload, fed by its readers: several at different positions hash every byte once, and bytes that none has
 * read are read at the end.
 */
export class Fingerprint {
  readonly #hash = createHash('sha256');
  #position = 0;
  #digest: string | undefined;

  feed(position: number, bytes: Uint8Array): void {
    const skip = this.#position - position;
    if (skip < 0 || skip >= bytes.length) return;
    this.#hash.update(skip === 0 ? bytes : bytes.subarray(skip));
    this.#position = position + bytes.length;
  }

  /** Resolves with the hash in hexadecimal; rejects as `Payload.read` does. */
  async of(payload: Payload): Promise<string> {
    const scratch = new Scratch();
    while (this.#digest === undefined) {
      const position = this.#position;
      const bytes = await payload.read(position, hashedBytes, scratch);
      if (bytes.length > 0) {
        this.feed(position, bytes);
        await setImmediate();
      } else if (position === this.#position) {
        this.#digest ??= this.#hash.digest('hex');
      }
    }
    return this.#digest;
  }
}

/** A string or bytes in memory. Bytes are not copied: they must stay as they are until the transfer has ended. */
export class MemoryPayload implements Payload {
  readonly kind: ValueKind;
  readonly name = undefined;
  readonly size: number;
  readonly fingerprint = new Fingerprint();
  readonly #bytes: Uint8Array;

  constructor(data: string | ArrayBufferView) {
    this.kind = typeof data === 'string' ? 'string' : 'bytes';
    this.#bytes =
      typeof data === 'string'
        ? Buffer.from(data, 'utf8')
        : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.size = this.#bytes.length;
  }

  get available(): number {
    return this.size;
  }

  read(position: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.#bytes.subarray(position, position + length));
  }

  beyond(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A regular file, read through one descriptor, so that renaming or removing it does no harm. */
export class FilePayload implements Payload {
  readonly kind = 'bytes';
  readonly name: string;
  readonly size: number;
  readonly fingerprint = new Fingerprint();
  readonly #file: FileHandle;

  private constructor(file: FileHandle, name: string, size: number) {
    this.#file = file;
    this.name = name;
    this.size = size;
  }

  /** Rejects with `ERR_INVALID_ARGUMENT` for a path that cannot be opened or is not a regular file. */
  static async open(path: string): Promise<FilePayload> {
    const file = await open(path, 'r').catch((error: Error) => {
      throw transferError('malformed', error.message, error);
    });
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw transferError('malformed', `${path} is not a regular file`);
      return new FilePayload(file, basename(path), stats.size);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get available(): number {
    return this.size;
  }

  async read(position: number, length: number, scratch: Scratch): Promise<Uint8Array> {
    const wanted = Math.min(length, this.size - position);
    if (wanted <= 0) return new Uint8Array(0);
    const { bytesRead, buffer } = await this.#file.read(scratch.take(wanted), 0, wanted, position);
    if (bytesRead === 0) throw transferError('mismatch', 'The file shrank while it was sent');
    return buffer.subarray(0, bytesRead);
  }

  beyond(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
