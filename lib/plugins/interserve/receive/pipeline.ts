import { createHash } from 'node:crypto';
import type { BusError } from '../../../base/errors.ts';
import { Slab } from '../../../base/slab.ts';
import { asTransferError, transferError } from '../outcomes.ts';
import type { ValueKind } from '../payload/payload.ts';
import type { Digest, Receipt } from '../protocol.ts';

/** Where the bytes of a transfer go, in order and without gaps, over any number of requests. */
export interface Sink {
  /** Returns a promise where the next chunk has to wait; it rejects if no more can be written. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** All bytes are there and verified. Settles as the receiver's callback does. */
  finish(sha256: string): Promise<void>;
  /** The transfer failed; nothing stays behind. */
  discard(error: BusError): Promise<void>;
}

/** The receiving end of one transfer: counts, hashes and checks the bytes before the receiver may have them. */
export class ReceiverPipeline {
  /** Bytes in order from the start, over all requests. */
  bytes = 0;
  /** How often a further request resumed. */
  resumed = 0;
  readonly #sink: Sink;
  readonly #size: number | undefined;
  readonly #limit: number;
  readonly #hash = createHash('sha256');
  readonly #digest: Promise<Digest>;
  #expect: (digest: Digest) => void = () => {};
  #refuse: (error: BusError) => void = () => {};
  #error: BusError | undefined;
  #finishing: Promise<Receipt> | undefined;

  /** `size` is what was announced; without one, more than `limit` bytes are refused. */
  constructor(sink: Sink, size: number | undefined, limit: number) {
    this.#sink = sink;
    this.#size = size;
    this.#limit = limit;
    this.#digest = new Promise((resolve, reject) => {
      this.#expect = resolve;
      this.#refuse = reject;
    });
    this.#digest.catch(() => {});
  }

  /** True when as many bytes came as were announced. */
  get complete(): boolean {
    return this.bytes === this.#size;
  }

  /** Takes a chunk; as `Sink.write`. Throws or rejects with the transfer's error. */
  take(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#error !== undefined) throw this.#error;
    if (this.bytes + bytes.length > (this.#size ?? this.#limit)) throw transferError('large');
    this.#hash.update(bytes);
    this.bytes += bytes.length;
    return this.#sink.write(bytes);
  }

  /** Sets the sender's count and hash, from the lane or from a header. */
  expect(digest: Digest): void {
    this.#expect(digest);
  }

  /** Resolves when the sender's digest is known. */
  get announced(): Promise<Digest> {
    return this.#digest;
  }

  /**
   * To be called after the last byte. Waits for the sender's digest, compares, delivers and resolves when the receiver
   * has accepted it; a second call returns the first one's promise.
   */
  finish(): Promise<Receipt> {
    this.#finishing ??= this.#finish();
    return this.#finishing;
  }

  /** Ends the transfer: later bytes are refused, waiting ends, nothing stays behind. */
  async fail(error: BusError): Promise<void> {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#refuse(error);
    await this.#sink.discard(error);
  }

  async #finish(): Promise<Receipt> {
    if (this.#size !== undefined && this.bytes < this.#size) throw transferError('size');
    const expected = await this.#digest;
    const sha256 = this.#hash.digest('hex');
    if (expected.bytes !== this.bytes) throw transferError(expected.bytes > this.bytes ? 'size' : 'large');
    if (expected.sha256 !== sha256) throw transferError('mismatch');
    try {
      await this.#sink.finish(sha256);
    } catch (error) {
      throw asTransferError(error);
    }
    if (this.#error !== undefined) throw this.#error;
    return { bytes: this.bytes, sha256, resumed: this.resumed };
  }
}

/** Collects everything in memory and hands over a string or a `Buffer`, whichever was sent. */
export class ValueSink implements Sink {
  readonly #kind: ValueKind;
  readonly #size: number | undefined;
  readonly #deliver: (value: string | Buffer, sha256: string) => unknown;
  /** Allocated with the first byte, so that an announcement alone costs nothing. */
  #whole: Buffer | undefined;
  /** Where the size is not known. */
  readonly #pieces = new Slab();
  #bytes = 0;

  constructor(kind: ValueKind, size: number | undefined, deliver: (value: string | Buffer, sha256: string) => unknown) {
    this.#kind = kind;
    this.#size = size;
    this.#deliver = deliver;
  }

  write(bytes: Uint8Array): undefined {
    if (this.#size === undefined) {
      this.#pieces.gather(bytes);
    } else {
      this.#whole ??= Buffer.allocUnsafeSlow(this.#size);
      this.#whole.set(bytes, this.#bytes);
    }
    this.#bytes += bytes.length;
    return undefined;
  }

  async finish(sha256: string): Promise<void> {
    const whole = this.#whole ?? Buffer.concat(this.#pieces.take(), this.#bytes);
    this.#whole = undefined;
    await this.#deliver(this.#kind === 'string' ? decode(whole) : whole, sha256);
  }

  discard(): Promise<void> {
    this.#whole = undefined;
    this.#pieces.take();
    return Promise.resolve();
  }
}

function decode(bytes: Buffer): string {
  try {
    return bytes.toString('utf8');
  } catch (error) {
    throw transferError('large', 'The string is too long for this platform; receive it as a stream or file', error);
  }
}
