import { BusError } from '../../base/errors.ts';
import { Flag } from './header.ts';

interface Partial {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  /** Larger than what arrived, by what is expected yet. */
  buffer: Uint8Array;
  bytes: number;
  /** How much of it came in frames that are whole. */
  wholeBytes: number;
}

/** How many bodies of the largest size may be half received at once. */
const lanesAtOnce = 4;
const firstBytes = 131_072;
const nothing = new Uint8Array(0);

/**
 * Puts cut bodies together again: one at a time per lane, since a lane keeps its order. Bytes are copied as they come:
 * what the platform read into is then garbage at once, while that is cheap to collect.
 */
export class Reassembly {
  readonly #maxBytes: number;
  /** Made for the first cut body. */
  #open: Map<number, Partial> | undefined;
  /** The size of the last body; the next one is likely to be as large, and then never outgrows its first buffer. */
  #expected = firstBytes;
  #openBytes = 0;
  #reserved = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  isOpen(lane: number): boolean {
    return this.#open !== undefined && this.#open.size !== 0 && this.#open.has(lane);
  }

  /**
   * Begins a frame that carries part of a body.
   * @throws BusError `ERR_PROTOCOL` when another frame cuts in.
   */
  begin(lane: number, type: number, flags: number, id: number): void {
    const kind = flags & ~Flag.more;
    const partial = this.#open?.get(lane);
    if (partial === undefined) {
      this.#open ??= new Map();
      this.#open.set(lane, { type, flags: kind, id, buffer: nothing, bytes: 0, wholeBytes: 0 });
    } else if (partial.type !== type || partial.id !== id || partial.flags !== kind) {
      throw new BusError('ERR_PROTOCOL', `Another frame cuts into a body on lane ${lane}`);
    }
  }

  /**
   * Adds bytes of the frame that was begun.
   * @throws BusError `ERR_TOO_LARGE` over the limit of a body.
   */
  add(lane: number, part: Uint8Array): void {
    const partial = this.#open?.get(lane);
    if (partial === undefined || part.length === 0) return;
    const bytes = partial.bytes + part.length;
    this.#openBytes += part.length;
    if (bytes > this.#maxBytes || this.#openBytes > this.#maxBytes * lanesAtOnce) {
      throw new BusError('ERR_TOO_LARGE', `A body is larger than ${this.#maxBytes} bytes`);
    }
    if (bytes > partial.buffer.length) this.#grow(partial, bytes);
    partial.buffer.set(part, partial.bytes);
    partial.bytes = bytes;
  }

  /** The frame that was begun is whole; returns the body when it was the last one. */
  finish(lane: number, flags: number): Uint8Array | undefined {
    const partial = this.#open?.get(lane);
    if (partial === undefined) return undefined;
    partial.wholeBytes = partial.bytes;
    if ((flags & Flag.more) !== 0) return undefined;
    this.#close(lane, partial);
    this.#expected = Math.max(firstBytes, partial.bytes);
    const { buffer, bytes } = partial;
    // The user may keep it, so it holds little more memory than it has bytes.
    return bytes * 2 > buffer.length ? buffer.subarray(0, bytes) : copied(buffer, bytes, bytes);
  }

  /** Forgets a frame that was begun and never became whole: it will come again. */
  abort(lane: number): void {
    const partial = this.#open?.get(lane);
    if (partial === undefined) return;
    this.#openBytes -= partial.bytes - partial.wholeBytes;
    partial.bytes = partial.wholeBytes;
    if (partial.bytes === 0) this.#close(lane, partial);
  }

  #grow(partial: Partial, needed: number): void {
    const expected = this.#reserved + this.#expected <= this.#maxBytes ? this.#expected : firstBytes;
    const size = Math.max(needed, Math.min(this.#maxBytes, Math.max(expected, partial.buffer.length * 2)));
    this.#reserved += size - partial.buffer.length;
    partial.buffer = copied(partial.buffer, partial.bytes, size);
  }

  #close(lane: number, partial: Partial): void {
    this.#open?.delete(lane);
    this.#openBytes -= partial.bytes;
    this.#reserved -= partial.buffer.length;
  }
}

/** The first `bytes` of `from` in a buffer of `size`. */
function copied(from: Uint8Array, bytes: number, size: number): Uint8Array {
  const buffer = typeof Buffer === 'function' ? Buffer.allocUnsafeSlow(size) : new Uint8Array(size);
  buffer.set(bytes === from.length ? from : from.subarray(0, bytes));
  return buffer;
}
