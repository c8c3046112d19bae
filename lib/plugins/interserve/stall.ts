import type { Clock, Timer } from '../../base/clock.ts';

/**
 * Calls `stalled` once when `touch` was not called for `ms`. Touching costs a clock reading, not a timer.
 */
export class Stall {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #stalled: () => void;
  #last = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, ms: number, stalled: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#stalled = stalled;
  }

  /** Starts the watch, or tells it that something moved. */
  touch(): void {
    this.#last = this.#clock.now();
    if (this.#timer === undefined) this.#arm(this.#ms);
  }

  /** Starts the watch again after `stop`; changes nothing while it runs. */
  touchUnlessStarted(): void {
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
      this.#stalled();
    }, ms);
  }
}
