import type { Clock } from '../../base/clock.ts';

/** Bytes come in portions this far apart at least, so that they leave time to whatever else the process does. */
const burstMs = 10;

/** A token bucket: `bytesPerSecond` on average, a hundredth of a second's worth at once. */
export class Throttle {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;

  /** `bytesPerSecond` 0 means no limit. */
  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#perMs = bytesPerSecond / 1000;
    this.#burst = this.#perMs * burstMs;
    this.#tokens = this.#burst;
    this.#filledAt = clock.now();
  }

  /** The most that should be asked for at once. */
  get portion(): number {
    return this.#perMs === 0 ? Infinity : Math.max(1024, Math.floor(this.#burst));
  }

  /** Accounts for `bytes`; what it returns resolves when they may move. */
  take(bytes: number): Promise<void> | undefined {
    if (this.#perMs === 0) return undefined;
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#perMs) - bytes;
    this.#filledAt = now;
    if (this.#tokens >= 0) return undefined;
    const waitMs = -this.#tokens / this.#perMs;
    return new Promise((resolve) => this.#clock.setTimer(resolve, waitMs, true));
  }
}
