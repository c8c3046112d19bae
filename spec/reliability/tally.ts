/** Counts what came of a numbered stream. */
export class Tally {
  taken = 0;
  doubled = 0;
  outOfOrder = 0;
  missing = 0;
  #last: number;

  /** `first` is the number the stream starts with. */
  constructor(first = 0) {
    this.#last = first - 1;
  }

  get last(): number {
    return this.#last;
  }

  note(number: number): void {
    this.taken += 1;
    if (number === this.#last) this.doubled += 1;
    else if (number < this.#last) this.outOfOrder += 1;
    else this.missing += number - this.#last - 1;
    this.#last = Math.max(this.#last, number);
  }

  /** Holds for a stream of `count` that arrived exactly once and in order. */
  get figures(): { taken: number; lost: number; doubled: number; outOfOrder: number } {
    return { taken: this.taken, lost: this.missing, doubled: this.doubled, outOfOrder: this.outOfOrder };
  }
}
