import { now } from './time.ts';

/** Counts what arrives and tells when a number was reached. */
export class Counter {
  count = 0;
  #wanted = Number.POSITIVE_INFINITY;
  #reached: ((at: number) => void) | undefined;

  add(): void {
    this.count += 1;
    if (this.count >= this.#wanted) this.#tell();
  }

  reset(): void {
    this.count = 0;
  }

  /** Resolves the time at which the count was reached, at once if it is. */
  until(count: number): Promise<number> {
    return new Promise((resolve) => {
      this.#wanted = count;
      this.#reached = resolve;
      if (this.count >= count) this.#tell();
    });
  }

  #tell(): void {
    this.#wanted = Number.POSITIVE_INFINITY;
    this.#reached?.(now());
    this.#reached = undefined;
  }
}
