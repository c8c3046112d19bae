/** What became of numbers that were sent as 1, 2, 3 and so on; plain data, so that it can travel. */
export interface Tally {
  /** Different numbers that came. */
  readonly received: number;
  /** Numbers that came again. */
  readonly repeated: number;
  /** Numbers that came before one that should have come first. */
  readonly early: number;
}

/** Takes the numbers of one sender as they arrive, and counts by them. */
export class Sequence {
  received = 0;
  repeated = 0;
  early = 0;
  #next: number;
  readonly #ahead = new Set<number>();

  /** `first` is the number that this receiver is to see first. */
  constructor(first = 1) {
    this.#next = first;
  }

  /** False if this number came before. */
  add(number: number): boolean {
    if (number < this.#next || this.#ahead.has(number)) {
      this.repeated += 1;
      return false;
    }
    this.received += 1;
    if (number === this.#next) {
      do this.#next += 1;
      while (this.#ahead.delete(this.#next));
    } else {
      this.early += 1;
      this.#ahead.add(number);
    }
    return true;
  }

  get tally(): Tally {
    const { received, repeated, early } = this;
    return { received, repeated, early };
  }
}

/** Several senders' tallies as one. */
export function sum(tallies: Iterable<Tally>): Tally {
  let [received, repeated, early] = [0, 0, 0];
  for (const tally of tallies) {
    received += tally.received;
    repeated += tally.repeated;
    early += tally.early;
  }
  return { received, repeated, early };
}
