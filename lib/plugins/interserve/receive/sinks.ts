import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { BusError } from '../../../base/errors.ts';
import { Slab } from '../../../base/slab.ts';
import { asTransferError, transferError } from '../outcomes.ts';
import type { Sink } from './pipeline.ts';

/** Bytes that wait for a stream's reader before the sender has to wait, and how many of them the stream asks for. */
const bufferedBytes = 256 * 1024;
const streamBytes = 16 * 1024;

/** Bytes that may wait for the disk before the sender has to wait. */
const backlogBytes = 2 * 1024 * 1024;

/**
 * Hands a stream to the receiver with the first byte. The stream ends only if the hash is right, and is destroyed with the
 * transfer's error otherwise.
 */
export class StreamSink implements Sink {
  readonly #deliver: (stream: Readable) => unknown;
  #stream: Readable | undefined;
  /** What the stream did not ask for; it keeps each piece as it is, however small. */
  readonly #ahead = new Slab();
  #isWanted = false;
  /** Settles when the receiver's callback did and the stream was read to its end, or as soon as one of them failed. */
  #taken: Promise<unknown> = Promise.resolve();
  #failed = false;
  #room: (() => void) | undefined;

  constructor(deliver: (stream: Readable) => unknown) {
    this.#deliver = deliver;
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    const stream = this.#begin();
    if (this.#gone(stream)) return this.#refuse();
    this.#ahead.gather(bytes);
    if (this.#isWanted) this.#pass(stream);
    return this.#ahead.pendingBytes < bufferedBytes ? undefined : this.#whenRoom(stream);
  }

  async finish(): Promise<void> {
    const stream = this.#begin();
    if (this.#gone(stream)) await this.#refuse();
    this.#pass(stream);
    stream.push(null);
    await this.#taken;
  }

  async discard(error: BusError): Promise<void> {
    this.#stream?.destroy(error);
    this.#release();
  }

  #begin(): Readable {
    if (this.#stream !== undefined) return this.#stream;
    const read = (): void => {
      this.#isWanted = true;
      this.#pass(stream);
      this.#release();
    };
    const stream = new Readable({ read, highWaterMark: streamBytes });
    this.#stream = stream;
    // Readers may listen for the error; nobody has to.
    stream.on('error', () => {});
    stream.once('close', () => this.#release());
    const delivered = new Promise((resolve) => resolve(this.#deliver(stream)));
    this.#taken = Promise.all([delivered, finished(stream)]);
    this.#taken.catch(() => {
      this.#failed = true;
      this.#release();
    });
    return stream;
  }

  #pass(stream: Readable): void {
    for (const piece of this.#ahead.take()) this.#isWanted = stream.push(piece);
  }

  #gone(stream: Readable): boolean {
    return this.#failed || stream.destroyed;
  }

  async #whenRoom(stream: Readable): Promise<void> {
    await new Promise<void>((resolve) => (this.#room = resolve));
    if (this.#gone(stream)) await this.#refuse();
  }

  /** Rejects with the receiver's failure, or because it destroyed the stream. */
  async #refuse(): Promise<never> {
    await this.#taken;
    throw transferError('failed', 'The receiver destroyed the stream');
  }

  #release(): void {
    this.#room?.();
    this.#room = undefined;
  }
}

/**
 * Writes to a file beside its destination, passes that to the receiver if the hash matches, and moves it into place
 * when the receiver has accepted it; until then the destination is unchanged. Without a destination the file is
 * temporary and lasts as long as the receiver's callback.
 */
export class FileSink implements Sink {
  readonly #path: string | undefined;
  readonly #partPath: string;
  readonly #deliver: (path: string, sha256: string) => unknown;
  readonly #openPart: (path: string) => Promise<FileHandle>;
  #file: Promise<FileHandle> | undefined;
  readonly #queue = new Slab();
  #writing: Promise<void> | undefined;
  #failed: { readonly error: unknown } | undefined;

  constructor(
    path: string | undefined,
    deliver: (path: string, sha256: string) => unknown,
    openPart: (path: string) => Promise<FileHandle> = (part) => open(part, 'wx', 0o600),
  ) {
    this.#path = path;
    // A receiver may look at the extension.
    this.#partPath =
      path === undefined ? join(tmpdir(), `busbar-${randomUUID()}`) : `${path}.${randomUUID()}.part${extname(path)}`;
    this.#deliver = deliver;
    this.#openPart = openPart;
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#failed !== undefined) return Promise.reject(asTransferError(this.#failed.error));
    this.#queue.gather(bytes);
    if (this.#writing === undefined) {
      this.#writing = this.#drain();
      this.#writing.catch(() => {});
    }
    return this.#queue.pendingBytes > backlogBytes ? this.#writing : undefined;
  }

  async finish(sha256: string): Promise<void> {
    await this.#writing;
    if (this.#failed !== undefined) throw asTransferError(this.#failed.error);
    const file = await (this.#file ??= this.#openPart(this.#partPath));
    this.#file = undefined;
    await file.close();
    try {
      await this.#deliver(this.#partPath, sha256);
      // The transfer may have failed while the receiver was at work.
      if (this.#failed === undefined && this.#path !== undefined) await rename(this.#partPath, this.#path);
    } finally {
      await rm(this.#partPath, { force: true });
    }
  }

  async discard(): Promise<void> {
    this.#queue.take();
    this.#failed ??= { error: undefined };
    await this.#writing?.catch(() => {});
    const file = await this.#file?.catch(() => undefined);
    this.#file = undefined;
    await file?.close();
    await rm(this.#partPath, { force: true });
  }

  async #drain(): Promise<void> {
    try {
      const file = await (this.#file ??= this.#openPart(this.#partPath));
      while (this.#queue.pendingBytes > 0) await writeAll(file, this.#queue.take());
    } catch (error) {
      this.#failed ??= { error };
      throw asTransferError(error);
    } finally {
      this.#writing = undefined;
    }
  }
}

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  const wanted = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  let { bytesWritten: done } = await file.writev(chunks);
  if (done === wanted) return;
  const rest = Buffer.concat(chunks, wanted);
  while (done < wanted) done += (await file.write(rest, done, wanted - done)).bytesWritten;
}
