import type { Clock } from '../../../base/clock.ts';

/** The epochs of the keys of one hub: greater each time, and than those of hubs that it knows of, or that were there before. */
export class Epochs {
  readonly #clock: Clock;
  #last: number;
  /** What the clock of the wall was ahead of that of the bus, or the greatest one of another hub. */
  #ahead: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#last = Date.now();
    this.#ahead = this.#last - clock.now();
  }

  next(): number {
    this.#last = Math.max(this.#last, this.#time) + 1;
    return this.#last;
  }

  /** None that was given is greater. */
  get mark(): number {
    return Math.max(this.#last, this.#time);
  }

  /** Another hub has given epochs up to `mark`; its next ones follow its clock. */
  heard(mark: number): void {
    this.#ahead = Math.max(this.#ahead, mark - this.#clock.now());
  }

  get #time(): number {
    return Math.floor(this.#clock.now() + this.#ahead);
  }
}
