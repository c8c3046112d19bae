/**
 * Values by number from 0, the lowest free one first. A `Map` would do, but one that is filled and emptied all the time
 * leaves a chain of outgrown tables behind, which keep every value since alive until the next full collection.
 */
export class SlotTable<Value> {
  readonly limit: number;
  #size = 0;
  readonly #values: (Value | undefined)[] = [];
  /** No number below is free. */
  #lowest = 0;

  constructor(limit = Number.POSITIVE_INFINITY) {
    this.limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  get full(): boolean {
    return this.#size >= this.limit;
  }

  /** Takes the lowest free number for what `make` returns for it; not to be called when full. */
  take<Made extends Value>(make: (number: number) => Made): Made {
    const found = this.#values.indexOf(undefined, this.#lowest);
    const number = found < 0 ? this.#values.length : found;
    const value = make(number);
    this.#values[number] = value;
    this.#lowest = number + 1;
    this.#size += 1;
    return value;
  }

  /** Any number is valid, also one that was never assigned. */
  get(number: number): Value | undefined {
    return this.#values[number];
  }

  /** Frees a number and returns what it stood for. */
  release(number: number): Value | undefined {
    const value = this.#values[number];
    if (value === undefined) return undefined;
    this.#values[number] = undefined;
    this.#lowest = Math.min(this.#lowest, number);
    this.#size -= 1;
    return value;
  }

  /** Those present, lowest number first, as a copy that changes with nothing. */
  values(): Value[] {
    return this.#values.filter((value) => value !== undefined);
  }
}
