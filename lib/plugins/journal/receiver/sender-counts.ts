/** How many of something there are, of each sender and together. */
export class SenderCounts {
  readonly #ofSenders = new Map<string, number>();
  #all = 0;

  get all(): number {
    return this.#all;
  }

  of(folder: string): number {
    return this.#ofSenders.get(folder) ?? 0;
  }

  change(folder: string, change: number): void {
    const count = this.of(folder) + change;
    this.#all += change;
    if (count > 0) this.#ofSenders.set(folder, count);
    else this.#ofSenders.delete(folder);
  }

  clear(): void {
    this.#ofSenders.clear();
    this.#all = 0;
  }
}
