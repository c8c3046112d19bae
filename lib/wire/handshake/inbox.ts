import { BusError } from '../../base/errors.ts';

/** The bytes of an opening so far, in one piece and under one limit. */
export class Inbox {
  readonly #maxBytes: number;
  #buffer = new Uint8Array(0);
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Everything held. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Holds a copy of `bytes` too. Throws `ERR_TOO_LARGE`, holding nothing new, when that passes the limit. */
  push(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#maxBytes) {
      throw new BusError('ERR_TOO_LARGE', `More than ${this.#maxBytes} bytes came before the link was open.`);
    }
    if (length > this.#buffer.length) {
      const grown = new Uint8Array(Math.min(this.#maxBytes, Math.max(length, this.#buffer.length * 2, 512)));
      grown.set(this.bytes);
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
  }

  /** Drops the first `count` bytes; the limit counts what is held only. */
  skip(count: number): void {
    this.#buffer = this.#buffer.slice(count, this.#length);
    this.#length = this.#buffer.length;
  }
}
