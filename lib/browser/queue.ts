/** Stands in for `base/queue` in web pages: small instead of fast. */
export class Queue<Item> {
  #items: Item[] = [];
  #taken = 0;

  get length(): number {
    return this.#items.length - this.#taken;
  }

  get first(): Item | undefined {
    return this.#items[this.#taken];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const { first } = this;
    if (this.length > 0) this.#taken += 1;
    if (this.#taken * 2 >= this.#items.length) this.#keep(this.#items.slice(this.#taken));
    return first;
  }

  replaceFirst(item: Item): void {
    this.#items[this.#taken] = item;
  }

  clear(): Item[] {
    const items = [...this];
    this.#keep([]);
    return items;
  }

  *[Symbol.iterator](): IterableIterator<Item> {
    yield* this.#items.slice(this.#taken);
  }

  #keep(items: Item[]): void {
    this.#items = items;
    this.#taken = 0;
  }
}
