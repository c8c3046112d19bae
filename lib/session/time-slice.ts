import type { Clock } from '../base/clock.ts';

/** How long what comes over one link may have the event loop in one turn. */
const mostMs = 8;

/**
 * The time that one link may take in a turn of the event loop, with what its handlers do then, so that one that floods
 * leaves the others theirs.
 */
export class TimeSlice {
  readonly #clock: Clock;
  #since = 0;
  #inTurn = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something came at `now`; false where it has to wait for another turn. */
  begin(now: number): boolean {
    if (!this.#inTurn) {
      this.#inTurn = true;
      this.#since = now;
      this.#clock.defer(this.#turnOver);
    }
    return this.goesOn(now);
  }

  /** It was handled up to `now`; true where there is time for more. */
  goesOn(now: number): boolean {
    return now - this.#since <= mostMs;
  }

  readonly #turnOver = (): void => {
    this.#inTurn = false;
  };
}
