import { BusError } from '../../base/errors.ts';
import { Flag } from './header.ts';

interface Partial {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly parts: Uint8Array[];
  bytes: number;
}

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
   * Adds a part; returns the body when it was the last one.
   * @throws BusError `ERR_PROTOCOL` when another frame cuts in, `ERR_TOO_LARGE` over the limit of a body.
   */
  add(lane: number, type: number, flags: number, id: number, part: Uint8Array): Uint8Array | undefined {
    const kind = flags & ~Flag.more;
    let partial = this.#open.get(lane);
    if (partial === undefined) {
      partial = { type, flags: kind, id, parts: [], bytes: 0 };
      this.#open.set(lane, partial);
    } else if (partial.type !== type || partial.id !== id || partial.flags !== kind) {
      throw new BusError('ERR_PROTOCOL', `Another frame cuts into a body on lane ${lane}`);
    }
    partial.parts.push(part);
    partial.bytes += part.length;
    this.#openBytes += part.length;
    if (partial.bytes > this.#maxBytes || this.#openBytes > this.#maxBytes * lanesAtOnce) {
      throw new BusError('ERR_TOO_LARGE', `A body is larger than ${this.#maxBytes} bytes`);
    }
    if ((flags & Flag.more) !== 0) return undefined;
    this.#open.delete(lane);
    this.#openBytes -= partial.bytes;
    return concat(partial.parts, partial.bytes);
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
