import { concat } from '../../base/bytes.ts';
import { BusError } from '../../base/errors.ts';
import { Flag } from './header.ts';

interface Partial {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  /** Its bytes are counted and not kept. */
  readonly skipped: boolean;
  /** Holds what came, with room for more. */
  buffer: Uint8Array;
  bytes: number;
  /** How much of it came in frames that are whole. */
  wholeBytes: number;
}

/** How many bodies of the largest size may be half received at once. */
const lanesAtOnce = 4;
const leastBytes = 131_072;
/** What is made for the first bytes of a body. */
const fewBytes = 256;
/** This much of a body has to arrive before anything is reserved for the rest. */
const reserveFrom = 16_384;
const nothing = new Uint8Array(0);

/**
 * Puts cut bodies together again: one at a time per lane, since a lane keeps its order. Bytes are copied as they come: what
 * the platform read into is then garbage at once, while that is cheap to collect, and parts of a byte cost no more than a
 * byte. The room for more is doubled as it is filled, since nothing is reserved on the word of a peer.
 */
export class Reassembly {
  readonly #maxBytes: number;
  /** Made for the first cut body. */
  #open: Map<number, Partial> | undefined;
  /** Bodies of which parts came. */
  count = 0;
  /** The size of the last body; the next one is likely to be as large. */
  #expected = leastBytes;
  #openBytes = 0;
  #reserved = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  isOpen(lane: number): boolean {
    return this.#open?.has(lane) === true;
  }

  /**
   * Begins a frame that carries part of a body; `skips`: one that begins with it is not kept.
   * @throws BusError `ERR_PROTOCOL` when another frame cuts in.
   */
  begin(lane: number, type: number, flags: number, id: number, skips = false): void {
    const kind = flags & ~(Flag.more | Flag.withdrawn);
    const partial = this.#open?.get(lane);
    if (partial === undefined) {
      this.#open ??= new Map();
      this.count += 1;
      this.#open.set(lane, {
        type,
        flags: kind,
        id,
        skipped: skips,
        buffer: nothing,
        bytes: 0,
        wholeBytes: 0,
      });
    } else if (partial.type !== type || partial.id !== id || partial.flags !== kind) {
      throw new BusError('ERR_PROTOCOL', `Another frame interrupts a body on lane ${lane}`);
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
    if (!partial.skipped) this.#openBytes += part.length;
    if (bytes > this.#maxBytes || this.#openBytes > this.#maxBytes * lanesAtOnce) {
      throw new BusError('ERR_TOO_LARGE', `A body is larger than ${this.#maxBytes} bytes`);
    }
    if (partial.skipped) {
      partial.bytes = bytes;
      return;
    }
    if (bytes > partial.buffer.length) this.#grow(partial, bytes);
    partial.buffer.set(part, partial.bytes);
    partial.bytes = bytes;
  }

  /** The frame that was begun is whole; returns the body when it was the last one, unless that is skipped. */
  finish(lane: number, flags: number): Uint8Array | undefined {
    const partial = this.#open?.get(lane);
    if (partial === undefined) return undefined;
    partial.wholeBytes = partial.bytes;
    if ((flags & Flag.more) !== 0) return undefined;
    this.#close(lane, partial);
    if (partial.skipped) return undefined;
    this.#expected = Math.max(leastBytes, partial.bytes);
    const { buffer, bytes } = partial;
    // The user may keep it, so it holds little more memory than it has bytes.
    return bytes * 2 > buffer.length ? buffer.subarray(0, bytes) : concat([buffer.subarray(0, bytes)]);
  }

  /** Forgets a frame that was begun and never became whole: it will come again. */
  abort(lane: number): void {
    const partial = this.#open?.get(lane);
    if (partial === undefined) return;
    if (!partial.skipped) this.#openBytes -= partial.bytes - partial.wholeBytes;
    partial.bytes = partial.wholeBytes;
    if (partial.bytes === 0) this.#close(lane, partial);
  }

  /**
   * Makes room for `bytes`: as much as the last body had, if enough arrived to make that likely, otherwise twice as
   * much.
   */
  #grow(partial: Partial, bytes: number): void {
    const { buffer } = partial;
    const isLikely = bytes >= reserveFrom && bytes <= this.#expected;
    const hasRoom = this.#reserved - buffer.length + this.#expected <= this.#maxBytes;
    const doubled = Math.min(this.#maxBytes, Math.max(fewBytes, bytes, buffer.length * 2));
    const size = isLikely && hasRoom ? this.#expected : doubled;
    this.#reserved += size - buffer.length;
    partial.buffer = concat([buffer.subarray(0, partial.bytes)], size);
  }

  #close(lane: number, partial: Partial): void {
    this.#open?.delete(lane);
    this.count -= 1;
    if (!partial.skipped) this.#openBytes -= partial.bytes;
    this.#reserved -= partial.buffer.length;
  }
}
