import { Signal } from '../../../base/wait.ts';

/** One may have this many times what is free: alone four fifths, and a further one finds room. */
const mostOfFree = 4;
/** What each may have beside that: what a journal with nothing in it takes. */
export const spareBytes = 4_096;

/** What several journals may have on the disk together, shared so that none of them keeps the others out. */
export class Budget {
  readonly #most: number;
  readonly #freed = new Signal();
  readonly #idle = new Set<Share>();
  #used = 0;
  #waiting = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** What one of them has of it. */
  share(): Share {
    return new Share(this);
  }

  /** Whether one that has `bytes` may have `more`; where nobody has anything, it may have all. */
  allows(bytes: number, more: number): boolean {
    if (this.#used === 0) return true;
    if (this.#used + more > this.#most) return false;
    return bytes === 0 || bytes + more <= mostOfFree * (this.#most - this.#used);
  }

  /** Resolves when there may be room; what is kept although nothing waits in it makes place meanwhile. */
  whenRoom(): Promise<void> {
    const freed = this.#freed.next();
    for (const share of this.#idle) share.shrink?.();
    return freed;
  }

  /** How many bytes of messages wait. */
  get waiting(): number {
    return this.#waiting;
  }

  changed(share: Share, bytes: number, waiting: number): void {
    this.#used += bytes;
    this.#waiting += waiting;
    if (share.isIdle) this.#idle.add(share);
    else this.#idle.delete(share);
    if (bytes < 0 && this.#freed.isAwaited) this.#freed.wake();
  }
}

/** One journal's part of a budget, also while it is closed. */
export class Share {
  readonly #budget: Budget;
  #bytes = 0;
  #waiting = 0;
  /** Has the journal, while it is open and nothing waits in it, take less. */
  shrink: (() => void) | undefined;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /** It takes place although nothing waits in it. */
  get isIdle(): boolean {
    return this.#waiting === 0 && this.#bytes > 0;
  }

  /** Whether `more` bytes fit. */
  hasRoom(more: number): boolean {
    return this.#budget.allows(this.#bytes, more);
  }

  whenRoom(): Promise<void> {
    return this.#budget.whenRoom();
  }

  /** How many bytes it has on the disk, and how many of messages wait in it. */
  set(onDisk: number, waiting: number): void {
    const bytes = Math.max(0, onDisk - spareBytes);
    const [more, moreWaiting] = [bytes - this.#bytes, waiting - this.#waiting];
    this.#bytes = bytes;
    this.#waiting = waiting;
    this.#budget.changed(this, more, moreWaiting);
  }
}
