/** Numbers from 0, the lowest free one first, each with what it stands for. */
export class Slots<T> {
  readonly limit: number;
  readonly #values: (T | undefined)[] = [];
  #size = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  get full(): boolean {
    return this.#size >= this.limit;
  }

  /** Takes the lowest free number for what `make` returns for it; not to be called when full. */
  take<V extends T>(make: (number: number) => V): V {
    let number = this.#values.indexOf(undefined);
    if (number < 0) number = this.#values.length;
    const value = make(number);
    this.#values[number] = value;
    this.#size += 1;
    return value;
  }

  get(number: number): T | undefined {
    return this.#values[number];
  }

  release(number: number): void {
    if (this.#values[number] === undefined) return;
    this.#values[number] = undefined;
    this.#size -= 1;
  }

  /** Those present, lowest number first, as a copy that changes with nothing. */
  values(): T[] {
    return this.#values.filter((value): value is T => value !== undefined);
  }
}
