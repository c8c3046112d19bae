import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { BusError } from '../../../base/errors.ts';
import { textOf } from '../../../base/thrown.ts';
import { asTransferError, failureOf, transferError } from '../outcomes.ts';
import { FilePayload, Fingerprint, MemoryPayload, type Payload, type Scratch } from './payload.ts';

/** How far a source is read ahead of its furthest reader. */
const aheadBytes = 16 * 1024 * 1024;

/** What can be sent. */
export type Sendable = string | ArrayBufferView | ArrayBuffer | Readable | { readonly file: string };

/**
 * How to open `data`; a stream that yields more than `limit` bytes fails.
 * @throws BusError `ERR_INVALID_ARGUMENT` for anything that cannot be sent.
 */
export function payloadOf(data: unknown, limit: number): () => Promise<Payload> {
  if (typeof data === 'string' || ArrayBuffer.isView(data)) return async () => new MemoryPayload(data);
  if (data instanceof ArrayBuffer) return async () => new MemoryPayload(new Uint8Array(data));
  if (data instanceof Readable) {
    if (data.destroyed) throw new BusError('ERR_INVALID_ARGUMENT', 'The stream is destroyed already');
    const payload = new StreamPayload(data, limit);
    return async () => payload;
  }
  const path = typeof data === 'object' && data !== null && 'file' in data ? data.file : undefined;
  if (typeof path === 'string' && path.length > 0 && !path.includes('\0')) return () => FilePayload.open(path);
  throw new BusError('ERR_INVALID_ARGUMENT', 'The data must be a string, bytes, a Readable or { file: path }');
}

/**
 * A stream, spooled to a nameless file while it is sent: every peer reads it at its own pace and again after a break, and
 * nothing of it stays in memory. Reading the source starts with the first reader.
 */
class StreamPayload implements Payload {
  readonly kind = 'bytes';
  readonly name = undefined;
  readonly fingerprint = new Fingerprint();
  readonly #source: Readable;
  readonly #limit: number;
  #folder: string | undefined;
  #file: FileHandle | undefined;
  #available = 0;
  #furthest = 0;
  #ended = false;
  #error: BusError | undefined;
  #filling: Promise<void> | undefined;
  #waiting: (() => void)[] = [];
  #held: (() => void) | undefined;

  constructor(source: Readable, limit: number) {
    this.#source = source;
    this.#limit = limit;
    source.on('error', (error) => this.#fail(error));
  }

  get size(): number | undefined {
    return this.#ended ? this.#available : undefined;
  }

  get available(): number {
    return this.#available;
  }

  async read(position: number, length: number, scratch: Scratch): Promise<Uint8Array> {
    await this.beyond(position);
    const wanted = Math.min(length, this.#available - position);
    if (wanted <= 0 || this.#file === undefined) return new Uint8Array(0);
    const { bytesRead, buffer } = await this.#file.read(scratch.take(wanted), 0, wanted, position);
    this.#reached(position + bytesRead);
    return buffer.subarray(0, bytesRead);
  }

  async beyond(position: number): Promise<void> {
    this.#filling ??= this.#fill();
    this.#reached(position);
    while (this.#available <= position && !this.#ended && this.#error === undefined) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#error !== undefined) throw this.#error;
  }

  async close(): Promise<void> {
    this.#fail(transferError('aborted'));
    this.#source.destroy();
    await this.#filling;
    await this.#file?.close();
    this.#file = undefined;
    await this.#unname();
  }

  /**
   * Unlinks the file, so that it vanishes when it is closed, even if this process is killed. Where an open file cannot be
   * unlinked, `close` does it.
   */
  async #unname(): Promise<void> {
    if (this.#folder === undefined) return;
    const removed = rm(this.#folder, { recursive: true, force: true });
    await (this.#file === undefined ? removed : removed.catch(() => {}));
  }

  async #fill(): Promise<void> {
    try {
      this.#folder = await mkdtemp(join(tmpdir(), 'busbar-'));
      this.#file = await open(join(this.#folder, 'spool'), 'wx+', 0o600);
      await this.#unname();
      for await (const chunk of this.#source) {
        const bytes = asBytes(chunk);
        if (this.#available + bytes.length > this.#limit) throw transferError('large');
        await writeAll(this.#file, bytes, this.#available);
        this.fingerprint.feed(this.#available, bytes);
        this.#available += bytes.length;
        this.#wake();
        if (this.#error !== undefined) return;
        if (this.#available - this.#furthest > aheadBytes) await new Promise<void>((resolve) => (this.#held = resolve));
      }
      this.#ended = this.#error === undefined;
      this.#wake();
    } catch (error) {
      this.#fail(error);
    }
  }

  #reached(position: number): void {
    if (position > this.#furthest) this.#furthest = position;
    if (this.#available - this.#furthest <= aheadBytes) this.#release();
  }

  #fail(error: unknown): void {
    if (!this.#ended) this.#error ??= asSourceError(error);
    this.#wake();
    this.#release();
  }

  #release(): void {
    this.#held?.();
    this.#held = undefined;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function asSourceError(error: unknown): BusError {
  if (failureOf(error) !== 'failed') return asTransferError(error);
  const why = textOf(error);
  return transferError('aborted', `The stream failed: ${why}`, error);
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

function asBytes(chunk: unknown): Uint8Array {
  if (typeof chunk === 'string') return Buffer.from(chunk, 'utf8');
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw transferError('malformed', 'A stream must yield strings or bytes only');
}
