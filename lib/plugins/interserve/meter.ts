import type { Clock } from '../../base/clock.ts';

const intervalMs = 100;

/** Turns single moves into progress reports: at most ten a second, and one at the end. */
export class Meter {
  readonly #clock: Clock;
  readonly #report: (bytes: number, rate: number) => void;
  #reportedAt: number;
  #reportedBytes = 0;
  #rate = 0;

  constructor(clock: Clock, report: (bytes: number, rate: number) => void) {
    this.#clock = clock;
    this.#report = report;
    this.#reportedAt = clock.now();
  }

  /** `bytes` is the count so far; `last` reports whatever the time is. */
  moved(bytes: number, last = false): void {
    const elapsed = this.#clock.now() - this.#reportedAt;
    if (!last && elapsed < intervalMs) return;
    if (elapsed > 0) {
      const rate = (Math.max(0, bytes - this.#reportedBytes) * 1000) / elapsed;
      this.#rate = this.#rate === 0 ? rate : this.#rate * 0.7 + rate * 0.3;
    }
    this.#reportedAt += elapsed;
    this.#reportedBytes = bytes;
    this.#report(bytes, this.#rate);
  }
}
