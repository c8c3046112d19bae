import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { transferError } from '../outcomes.ts';
import { Fingerprint } from './fingerprint.ts';
import type { Payload, Scratch } from './payload.ts';

/** A regular file, read through one descriptor, so that a rename or a removal meanwhile does no harm. */
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

  /** Rejects `ERR_INVALID_ARGUMENT` for what cannot be opened or is no regular file. */
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
    if (bytesRead === 0) throw transferError('mismatch', 'The file became shorter while it was sent');
    return buffer.subarray(0, bytesRead);
  }

  beyond(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
