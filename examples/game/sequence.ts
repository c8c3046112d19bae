/** What became of numbers that were sent as 1, 2, 3 and so on; plain data, so that it can travel. */
export interface Tally {
  /** Different numbers that came. */
  readonly received: number;
  /** Numbers that came again. */
  readonly repeated: number;
  /** Numbers that came before one that should have come first. */
  readonly early: number;
}

/** What it takes to go on elsewhere. */
export interface SequenceState {
  readonly tally: Tally;
  readonly next: number;
  readonly ahead: readonly number[];
}

/** Takes the numbers of one sender as they arrive, and counts by them. */
export class Sequence {
  received = 0;
  repeated = 0;
  early = 0;
  #next: number;
  readonly #ahead: Set<number>;

  /** From the number that this receiver is to see first, or from where another one left. */
  constructor(from: number | SequenceState = 1) {
    const { next, ahead, tally } = typeof from === 'number' ? { next: from, ahead: [], tally: undefined } : from;
    this.#next = next;
    this.#ahead = new Set(ahead);
    if (tally !== undefined) Object.assign(this, tally);
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

  get state(): SequenceState {
    return { tally: this.tally, next: this.#next, ahead: [...this.#ahead] };
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
