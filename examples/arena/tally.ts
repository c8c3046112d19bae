/** What is counted while the game runs. */
export class Tally {
  snapshots = 0;
  /** Snapshots whose number does not follow the one before. */
  lost = 0;
  steps = 0;
  collected = 0;
  entered = 0;
  readonly #callsMs: number[] = [];

  get calls(): number {
    return this.#callsMs.length;
  }

  /** Runs a call and notes how long its answer took. */
  async time<T>(call: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await call();
    this.#callsMs.push(performance.now() - start);
    return result;
  }

  /** How long the given share of the calls took at the most, in milliseconds. */
  percentile(share: number): number {
    const sorted = this.#callsMs.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  }
}
