import { transferError } from './outcomes.ts';

/** Counted for a transfer however small it is, because it takes memory even so. */
const leastBytes = 64 * 1024;

/** Bytes that wait or move in all; what one peer asks for takes no more than half, or one transfer. */
export class Quota {
  readonly #limit: number;
  #used = 0;
  readonly #asked = new Map<unknown, number>();

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

  /** Accounts for `bytes` that `peer` asks to send, likewise. */
  ask(bytes: number, peer: unknown): () => void {
    const cost = Math.max(bytes, leastBytes);
    const before = this.#asked.get(peer) ?? 0;
    if (before > 0 && before + cost > this.#limit / 2) throw transferError('busy');
    const release = this.charge(bytes, 1);
    this.#asked.set(peer, before + cost);
    return () => {
      release();
      const left = (this.#asked.get(peer) ?? 0) - cost;
      if (left > 0) this.#asked.set(peer, left);
      else this.#asked.delete(peer);
    };
  }
}
