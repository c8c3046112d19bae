import type { Clock, Timer } from '../../base/clock.ts';

/**
 * Calls `expired` once when `touch` was not called for `ms`. Unlike a wait with a deadline it is put off by each chunk, so
 * touching costs a clock reading and no timer.
 */
export class IdleTimeout {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #expired: () => void;
  #last = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, ms: number, expired: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#expired = expired;
  }

  /** Starts the timeout, or restarts it. */
  touch(): void {
    this.#last = this.#clock.now();
    if (this.#timer === undefined) this.#arm(this.#ms);
  }

  /** Starts it again after `stop`; changes nothing while it runs. */
  ensureStarted(): void {
    if (this.#timer === undefined) this.touch();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.setTimer(() => {
      const left = this.#last + this.#ms - this.#clock.now();
      if (left > 0) return this.#arm(left);
      this.#timer = undefined;
      this.#expired();
    }, ms);
  }
}
