/** What the ids of a slot begin with, in place of the first part of a UUID. */
export function slotPrefix(slot: number): string {
  return slot.toString(16).padStart(8, '0');
}

/** The slot that an id begins with; no number where it is none of ours. */
export function slotOf(id: string): number {
  // What follows the first part of a UUID is a dash, where parsing ends.
  return Number.parseInt(id, 16);
}

/**
 * Items by the slotted id they have. It does what a Map does; but a Map that is filled and emptied all the time keeps its
 * outgrown tables alive, and through them everything it held, until the next full collection.
 */
export class IdMap<Item extends { readonly id: string }> {
  readonly #slots: (Item | undefined)[] = [];

  get(id: string): Item | undefined {
    const item = this.#slots[slotOf(id)];
    return item?.id === id ? item : undefined;
  }

  set(item: Item): void {
    const slot = slotOf(item.id);
    while (this.#slots.length < slot) this.#slots.push(undefined);
    this.#slots[slot] = item;
  }

  /** False if it was not there. */
  delete(id: string): boolean {
    if (this.get(id) === undefined) return false;
    this.#slots[slotOf(id)] = undefined;
    return true;
  }

  /** Those present now; the map may change while they are gone through. */
  all(): Item[] {
    return this.#slots.filter((item) => item !== undefined);
  }
}
