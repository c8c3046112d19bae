import { type Asker, isIdle } from './asker.ts';
import { transferError } from './outcomes.ts';

/** Counted for a transfer however small it is, because it takes memory even so. */
const leastBytes = 64 * 1024;
/** What one transfer takes of a quota. */
export interface Charge {
  /** So many bytes came, of content whose size was not known. Throws `busy` when they do not fit. */
  reach(bytes: number): void;
  release(): void;
}

interface Entry {
  readonly asker: Asker | undefined;
  cost: number;
}

/**
 * Bytes that wait or move in all. A peer that asks for more than one transfer takes half of what others left at the most, and a sixteenth is
 * kept for small ones, so that nobody takes everything; what is unknown is counted as it comes, and who asks and does not
 * send makes room for others.
 */
export class Quota {
  readonly #limit: number;
  #used = 0;
  readonly #entries = new Set<Entry>();
  readonly #asked = new Map<unknown, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Accounts for `bytes`, undefined as far as they come, over `transfers`. Throws `busy` when they do not fit. */
  charge(bytes: number | undefined, transfers: number): Charge {
    return this.#enter(Math.max(bytes ?? 0, leastBytes * transfers), undefined);
  }

  /** Accounts for `bytes` that a peer asks to send, likewise. */
  ask(bytes: number | undefined, asker: Asker): Charge {
    return this.#enter(Math.max(bytes ?? 0, leastBytes), asker);
  }

  #enter(cost: number, asker: Asker | undefined): Charge {
    this.#makeRoom(cost, asker);
    const entry: Entry = { asker, cost: 0 };
    this.#entries.add(entry);
    this.#add(entry, cost);
    return {
      reach: (bytes) => {
        if (bytes <= entry.cost || !this.#entries.has(entry)) return;
        this.#makeRoom(bytes - entry.cost, asker, entry);
        this.#add(entry, bytes - entry.cost);
      },
      release: () => this.#leave(entry),
    };
  }

  #fits(more: number, asker: Asker | undefined, entry: Entry | undefined): boolean {
    if (this.#used + more > this.#limit) return false;
    if (asker === undefined) return true;
    const own = this.#asked.get(asker.peer) ?? 0;
    const isOnly = own === (entry?.cost ?? 0);
    if (isOnly) return more <= leastBytes || this.#used + more <= this.#limit - this.#limit / 16;
    return own + more <= (this.#limit - (this.#used - own)) / 2;
  }

  #makeRoom(more: number, asker: Asker | undefined, entry?: Entry): void {
    if (this.#fits(more, asker, entry)) return;
    for (const other of this.#entries) {
      if (other === entry || other.asker === undefined || !isIdle(other.asker)) continue;
      this.#leave(other);
      other.asker.callOff();
      if (this.#fits(more, asker, entry)) return;
    }
    throw transferError('busy');
  }

  #add(entry: Entry, bytes: number): void {
    entry.cost += bytes;
    this.#used += bytes;
    const peer = entry.asker?.peer;
    if (entry.asker !== undefined) this.#asked.set(peer, (this.#asked.get(peer) ?? 0) + bytes);
  }

  #leave(entry: Entry): void {
    if (!this.#entries.delete(entry)) return;
    this.#used -= entry.cost;
    if (entry.asker === undefined) return;
    const left = (this.#asked.get(entry.asker.peer) ?? 0) - entry.cost;
    if (left > 0) this.#asked.set(entry.asker.peer, left);
    else this.#asked.delete(entry.asker.peer);
  }
}
