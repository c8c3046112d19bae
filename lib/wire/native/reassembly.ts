import { allocate, concat } from '../../base/bytes.ts';
import { BusError } from '../../base/errors.ts';
import { Flag } from './header.ts';

interface Partial {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  /** Its bytes are counted and not kept. */
  readonly skipped: boolean;
  /** As large as the body is expected to be; what goes beyond that is in `more`. */
  buffer: Uint8Array;
  more: Uint8Array[];
  bytes: number;
  /** How much of it, and of `more`, came in frames that are whole. */
  wholeBytes: number;
  wholeMore: number;
}

/** How many bodies of the largest size may be half received at once. */
const lanesAtOnce = 4;
const leastBytes = 131_072;
/** Smaller pieces are copied, so that a few bytes do not keep a whole read buffer alive. */
const keepFrom = 16_384;
/** So much of a body has come before anything is reserved for the rest. */
const reserveFrom = 16_384;
const nothing = new Uint8Array(0);

/**
 * Puts cut bodies together again: one at a time per lane, since a lane keeps its order. Bytes are copied as they come, as
 * far as the body is no larger than expected: what the platform read into is then garbage at once, while that is cheap to
 * collect. The rest stays where it was read until the body is whole, since nothing is reserved on the word of a peer.
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
        more: [],
        bytes: 0,
        wholeBytes: 0,
        wholeMore: 0,
      });
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
    if (!partial.skipped) this.#openBytes += part.length;
    if (bytes > this.#maxBytes || this.#openBytes > this.#maxBytes * lanesAtOnce) {
      throw new BusError('ERR_TOO_LARGE', `A body is larger than ${this.#maxBytes} bytes`);
    }
    if (partial.skipped) {
      partial.bytes = bytes;
      return;
    }
    if (partial.buffer.length === 0 && bytes >= reserveFrom) this.#reserve(partial);
    const room = Math.max(0, partial.buffer.length - partial.bytes);
    if (room > 0) partial.buffer.set(room < part.length ? part.subarray(0, room) : part, partial.bytes);
    if (room < part.length) partial.more.push(part.length < keepFrom ? part.slice(room) : part.subarray(room));
    partial.bytes = bytes;
  }

  /** The frame that was begun is whole; returns the body when it was the last one, unless that is skipped. */
  finish(lane: number, flags: number): Uint8Array | undefined {
    const partial = this.#open?.get(lane);
    if (partial === undefined) return undefined;
    partial.wholeBytes = partial.bytes;
    partial.wholeMore = partial.more.length;
    if ((flags & Flag.more) !== 0) return undefined;
    this.#close(lane, partial);
    if (partial.skipped) return undefined;
    this.#expected = Math.max(leastBytes, partial.bytes);
    const { buffer, more, bytes } = partial;
    // The user may keep it, so it holds little more memory than it has bytes.
    if (more.length === 0 && bytes * 2 > buffer.length) return buffer.subarray(0, bytes);
    return concat([buffer.subarray(0, Math.min(bytes, buffer.length)), ...more], bytes);
  }

  /** Forgets a frame that was begun and never became whole: it will come again. */
  abort(lane: number): void {
    const partial = this.#open?.get(lane);
    if (partial === undefined) return;
    if (!partial.skipped) this.#openBytes -= partial.bytes - partial.wholeBytes;
    partial.bytes = partial.wholeBytes;
    partial.more.length = partial.wholeMore;
    if (partial.bytes === 0) this.#close(lane, partial);
  }

  /** Enough came to expect that there is more: what came is put together. */
  #reserve(partial: Partial): void {
    const size = this.#reserved + this.#expected <= this.#maxBytes ? this.#expected : leastBytes;
    this.#reserved += size;
    partial.buffer = allocate(size);
    let at = 0;
    for (const part of partial.more) {
      partial.buffer.set(part, at);
      at += part.length;
    }
    partial.more = [];
    partial.wholeMore = 0;
  }

  #close(lane: number, partial: Partial): void {
    this.#open?.delete(lane);
    this.count -= 1;
    if (!partial.skipped) this.#openBytes -= partial.bytes;
    this.#reserved -= partial.buffer.length;
  }
}
