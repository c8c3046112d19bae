import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { BusError } from '../../../base/errors.ts';
import { transferError } from '../outcomes.ts';
import type { Sink } from './sink.ts';

const bufferedBytes = 256 * 1024;

/**
 * Hands a stream to the receiver with the first byte. The stream ends only when the hash was right, and is destroyed
 * with the transfer's error otherwise.
 */
export class StreamSink implements Sink {
  readonly #deliver: (stream: Readable) => unknown;
  #stream: Readable | undefined;
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
    if (stream.push(bytes)) return undefined;
    return this.#whenRoom(stream);
  }

  async finish(): Promise<void> {
    const stream = this.#begin();
    if (this.#gone(stream)) await this.#refuse();
    stream.push(null);
    await this.#taken;
  }

  async discard(error: BusError): Promise<void> {
    this.#stream?.destroy(error);
    this.#release();
  }

  #begin(): Readable {
    if (this.#stream !== undefined) return this.#stream;
    const stream = new Readable({ read: () => this.#release(), highWaterMark: bufferedBytes });
    this.#stream = stream;
    // Whoever reads it hears of the error too; nobody has to.
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

  #gone(stream: Readable): boolean {
    return this.#failed || stream.destroyed;
  }

  async #whenRoom(stream: Readable): Promise<void> {
    await new Promise<void>((resolve) => (this.#room = resolve));
    if (this.#gone(stream)) await this.#refuse();
  }

  /** Rejects with what the receiver failed with, or because it gave the stream up. */
  async #refuse(): Promise<never> {
    await this.#taken;
    throw transferError('failed', 'The receiver destroyed the stream');
  }

  #release(): void {
    this.#room?.();
    this.#room = undefined;
  }
}
