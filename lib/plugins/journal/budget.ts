import { Signal } from '../../base/wait.ts';

/** What may wait in several journals together. */
export class Budget {
  readonly #most: number;
  readonly #room = new Signal();
  #used = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** What one of them has of it. */
  share(): Share {
    return new Share(this);
  }

  /** Whether `bytes` more fit; those that would be the only ones do. */
  hasRoom(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#most;
  }

  /** Resolves when less waits. */
  whenRoom(): Promise<void> {
    return this.#room.next();
  }

  /** How many bytes wait. */
  get used(): number {
    return this.#used;
  }

  change(bytes: number): void {
    this.#used += bytes;
    if (bytes < 0 && this.#room.isAwaited) this.#room.wake();
  }
}

/** One journal's part of a budget, also while it is closed. */
export class Share {
  readonly budget: Budget;
  #bytes = 0;

  constructor(budget: Budget) {
    this.budget = budget;
  }

  /** How many bytes wait in it. */
  set(bytes: number): void {
    this.budget.change(bytes - this.#bytes);
    this.#bytes = bytes;
  }
}
