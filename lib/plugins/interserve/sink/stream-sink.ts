import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { BusError } from '../../../base/errors.ts';
import { transferError } from '../outcomes.ts';
import type { Sink } from './sink.ts';

/**
 * Hands a stream to the receiver with the first byte. The stream ends only when the hash was right, and is destroyed
 * with the transfer's error otherwise.
 */
export class StreamSink implements Sink {
  readonly #stream: Readable;
  readonly #done: Promise<unknown>;
  #failed: { readonly error: unknown } | undefined;
  #room: (() => void) | undefined;

  constructor(deliver: (stream: Readable) => unknown) {
    this.#stream = new Readable({ read: () => this.#release(), highWaterMark: 256 * 1024 });
    this.#stream.on('error', () => {});
    this.#stream.once('close', () => this.#release());
    this.#done = Promise.all([new Promise((resolve) => resolve(deliver(this.#stream))), finished(this.#stream)]);
    this.#done.catch((error: unknown) => {
      this.#failed = { error };
      this.#release();
    });
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#failed !== undefined || this.#stream.destroyed) return this.#refuse();
    if (this.#stream.push(bytes)) return undefined;
    return new Promise<void>((resolve) => (this.#room = resolve)).then(() =>
      this.#failed === undefined && !this.#stream.destroyed ? undefined : this.#refuse(),
    );
  }

  async finish(): Promise<void> {
    if (this.#stream.destroyed) await this.#refuse();
    this.#stream.push(null);
    await this.#done;
  }

  async discard(error: BusError): Promise<void> {
    this.#stream.destroy(error);
    this.#release();
  }

  /** A receiver that gave the stream up, or failed. */
  async #refuse(): Promise<never> {
    await this.#done;
    throw transferError('failed', 'The receiver destroyed the stream');
  }

  #release(): void {
    this.#room?.();
    this.#room = undefined;
  }
}
