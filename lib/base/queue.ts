const firstSlots = 8;
/** An emptied queue gives larger rings back. */
const keptSlots = 1_024;
/** What a queue holds before its first item; never filled. */
const noSlots: undefined[] = [];

/** First in, first out, in a ring: taking one out moves no other, however many wait. */
export class Queue<Item> {
  length = 0;
  #slots: (Item | undefined)[] = noSlots;
  #head = 0;

  /** The next one to remove. */
  get first(): Item | undefined {
    return this.#slots[this.#head];
  }

  push(item: Item): void {
    if (this.length === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.length) & (this.#slots.length - 1)] = item;
    this.length += 1;
  }

  /** Takes the first one out. */
  shift(): Item | undefined {
    if (this.length === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.length -= 1;
    if (this.length === 0 && this.#slots.length > keptSlots) this.#slots = noSlots;
    return item;
  }

  /** Replaces the first one by `item`. */
  replaceFirst(item: Item): void {
    if (this.length > 0) this.#slots[this.#head] = item;
  }

  /** Takes all out. */
  clear(): Item[] {
    const items = [...this];
    this.#slots = noSlots;
    this.#head = 0;
    this.length = 0;
    return items;
  }

  *[Symbol.iterator](): Generator<Item, void, void> {
    for (let index = 0; index < this.length; index++) {
      yield this.#slots[(this.#head + index) & (this.#slots.length - 1)] as Item;
    }
  }

  #grow(): void {
    const items = [...this];
    this.#slots = new Array<Item | undefined>(Math.max(firstSlots, items.length * 2)).fill(undefined);
    this.#head = 0;
    for (let index = 0; index < items.length; index++) this.#slots[index] = items[index];
  }
}
