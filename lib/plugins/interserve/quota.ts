import { transferError } from './outcomes.ts';

/** Counted for a transfer however small it is, because it takes memory even so. */
const leastBytes = 64 * 1024;

/** Bytes that wait or move in all. */
export class Quota {
  readonly #limit: number;
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Accounts for `bytes` over `transfers`; the result gives them back. Throws `busy` when they do not fit. */
  charge(bytes: number, transfers: number): () => void {
    const cost = Math.max(bytes, leastBytes * transfers);
    if (this.#used + cost > this.#limit) throw transferError('busy');
    this.#used += cost;
    return () => {
      this.#used -= cost;
    };
  }
}
