import { BusError } from '../../base/errors.ts';
import { Flag } from './header.ts';

interface Partial {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly parts: Uint8Array[];
  bytes: number;
  /** How much of it came in frames that are whole. */
  wholeParts: number;
  wholeBytes: number;
}

/** Smaller parts are copied, so that a few bytes do not keep a whole read buffer alive. */
const keepFrom = 16_384;
/** How many bodies of the largest size may be half received at once. */
const lanesAtOnce = 4;

/** Puts cut bodies together again: one at a time per lane, since a lane keeps its order. */
export class Reassembly {
  readonly #maxBytes: number;
  readonly #open = new Map<number, Partial>();
  #openBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  isOpen(lane: number): boolean {
    return this.#open.size !== 0 && this.#open.has(lane);
  }

  /**
   * Begins a frame that carries part of a body.
   * @throws BusError `ERR_PROTOCOL` when another frame cuts in.
   */
  begin(lane: number, type: number, flags: number, id: number): void {
    const kind = flags & ~Flag.more;
    let partial = this.#open.get(lane);
    if (partial === undefined) {
      partial = { type, flags: kind, id, parts: [], bytes: 0, wholeParts: 0, wholeBytes: 0 };
      this.#open.set(lane, partial);
    } else if (partial.type !== type || partial.id !== id || partial.flags !== kind) {
      throw new BusError('ERR_PROTOCOL', `Another frame cuts into a body on lane ${lane}`);
    }
  }

  /**
   * Adds bytes of the frame that was begun; they must not change any more.
   * @throws BusError `ERR_TOO_LARGE` over the limit of a body.
   */
  add(lane: number, part: Uint8Array): void {
    const partial = this.#open.get(lane);
    if (partial === undefined || part.length === 0) return;
    partial.parts.push(part.length < keepFrom ? part.slice() : part);
    partial.bytes += part.length;
    this.#openBytes += part.length;
    if (partial.bytes > this.#maxBytes || this.#openBytes > this.#maxBytes * lanesAtOnce) {
      throw new BusError('ERR_TOO_LARGE', `A body is larger than ${this.#maxBytes} bytes`);
    }
  }

  /** The frame that was begun is whole; returns the body when it was the last one. */
  finish(lane: number, flags: number): Uint8Array | undefined {
    const partial = this.#open.get(lane);
    if (partial === undefined) return undefined;
    partial.wholeParts = partial.parts.length;
    partial.wholeBytes = partial.bytes;
    if ((flags & Flag.more) !== 0) return undefined;
    this.#open.delete(lane);
    this.#openBytes -= partial.bytes;
    return concat(partial.parts, partial.bytes);
  }

  /** Forgets a frame that was begun and never became whole: it will come again. */
  abort(lane: number): void {
    const partial = this.#open.get(lane);
    if (partial === undefined) return;
    this.#openBytes -= partial.bytes - partial.wholeBytes;
    partial.bytes = partial.wholeBytes;
    partial.parts.length = partial.wholeParts;
    if (partial.wholeParts === 0) this.#open.delete(lane);
  }
}

function concat(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = typeof Buffer === 'function' ? Buffer.allocUnsafeSlow(bytes) : new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
