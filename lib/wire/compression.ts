import { BusError } from '../base/errors.ts';
import { readUint32, writeUint32 } from './native/header.ts';

/**
 * One direction of a link's raw deflate stream. Its state runs through all packets of the link, each flushed by itself
 * with its trailing `00 00 ff ff` kept.
 */
export interface Deflater {
  process(bytes: Uint8Array): Uint8Array;
  close(): void;
}

/**
 * The other direction. `process` throws `ERR_PROTOCOL` for bytes that are not a deflate stream and `ERR_TOO_LARGE` past the
 * output limit; after either the stream is closed and throws `ERR_PROTOCOL`.
 */
export interface Inflater {
  process(bytes: Uint8Array): Uint8Array;
  close(): void;
}

/** Where a link of the native dialect is compressed, all its bytes travel in blocks of this form. */
const prefixBytes = 4;
const deflatedBit = 0x8000_0000;
/** The most one block holds before it is deflated; it bounds what inflating one can cost. */
export const blockBytes = 65_536;
/** What is too short to gain from it travels as it is. */
const deflateFrom = 64;

/** Turns the bytes of a link into blocks. */
export class BlockWriter {
  readonly #deflater: Deflater;

  constructor(deflater: Deflater) {
    this.#deflater = deflater;
  }

  /** The blocks of `bytes`, in order. */
  wrap(bytes: Uint8Array): Uint8Array[] {
    const blocks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += blockBytes) {
      const plain = bytes.subarray(at, at + blockBytes);
      const deflate = plain.length >= deflateFrom;
      const body = deflate ? this.#deflater.process(plain) : plain;
      const block = new Uint8Array(prefixBytes + body.length);
      writeUint32(block, 0, body.length + (deflate ? deflatedBit : 0));
      block.set(body, prefixBytes);
      blocks.push(block);
    }
    return blocks;
  }
}

/** Turns blocks back into the bytes of a link, however they were split. */
export class BlockReader {
  readonly #inflater: Inflater;
  readonly #prefix = new Uint8Array(prefixBytes);
  #prefixRead = 0;
  #body = new Uint8Array(0);
  #bodyRead = 0;

  constructor(inflater: Inflater) {
    this.#inflater = inflater;
  }

  /**
   * Calls `sink` with the content of each block, until it returns false; returns how many of `bytes` were consumed.
   * @throws BusError `ERR_PROTOCOL` or `ERR_TOO_LARGE`.
   */
  feed(bytes: Uint8Array, sink: (bytes: Uint8Array) => unknown): number {
    let at = 0;
    while (at < bytes.length) {
      if (this.#prefixRead < prefixBytes) {
        this.#prefix[this.#prefixRead] = bytes[at] as number;
        this.#prefixRead += 1;
        at += 1;
        if (this.#prefixRead === prefixBytes) this.#start();
        continue;
      }
      const part = bytes.subarray(at, at + this.#body.length - this.#bodyRead);
      this.#body.set(part, this.#bodyRead);
      this.#bodyRead += part.length;
      at += part.length;
      if (this.#bodyRead === this.#body.length && sink(this.#finish()) === false) break;
    }
    return at;
  }

  #start(): void {
    const length = readUint32(this.#prefix, 0) % deflatedBit;
    // Deflated data that does not compress grows by a few bytes.
    if (length === 0 || length > blockBytes + 1_024) {
      throw new BusError('ERR_TOO_LARGE', `A block of ${length} bytes is outside its limits`);
    }
    this.#body = new Uint8Array(length);
    this.#bodyRead = 0;
  }

  #finish(): Uint8Array {
    const deflated = (this.#prefix[0] as number) >= 0x80;
    const body = this.#body;
    this.#prefixRead = 0;
    return deflated ? this.#inflater.process(body) : body;
  }
}
