import type { RequestId } from '../wire/frames.ts';

const firstSlots = 8;
/** What a table holds before its first value: one slot, never filled. */
const noSlots: undefined[] = [undefined];
const mostSlots = 4_096;

/**
 * Values under ids that the other end chose. Integers that ascend, as busbar's do, are found by their place, since a
 * `Map` that is filled and emptied all the time costs more than the rest of what is done for an answer; ids that have
 * no place of their own share a `Map`.
 */
export class RequestTable<Value extends { readonly id: RequestId }> {
  size = 0;
  #slots: (Value | undefined)[] = noSlots;
  #others: Map<RequestId, Value> | undefined;

  add(value: Value): void {
    this.size += 1;
    const { id } = value;
    if (typeof id !== 'number') {
      this.#keepApart(id, value);
      return;
    }
    if (this.#slots === noSlots) this.#grow();
    while (this.#slots[this.#slotOf(id)] !== undefined && this.#slots.length < mostSlots) this.#grow();
    const slot = this.#slotOf(id);
    if (this.#slots[slot] === undefined) this.#slots[slot] = value;
    else this.#keepApart(id, value);
  }

  get(id: RequestId): Value | undefined {
    const value = typeof id === 'number' ? this.#slots[this.#slotOf(id)] : undefined;
    return value?.id === id ? value : this.#others?.get(id);
  }

  delete(id: RequestId): void {
    const slot = typeof id === 'number' ? this.#slotOf(id) : 0;
    if (this.#slots[slot]?.id === id) this.#slots[slot] = undefined;
    else if (this.#others?.delete(id) !== true) return;
    this.size -= 1;
  }

  /** Empties the table and returns what it held. */
  clear(): Value[] {
    const values = [...this.#slots.filter((value) => value !== undefined), ...(this.#others?.values() ?? [])];
    this.#slots = noSlots;
    this.#others = undefined;
    this.size = 0;
    return values;
  }

  #keepApart(id: RequestId, value: Value): void {
    this.#others ??= new Map();
    this.#others.set(id, value);
  }

  #slotOf(id: number): number {
    return id & (this.#slots.length - 1);
  }

  #grow(): void {
    const values = this.#slots;
    this.#slots = new Array<Value | undefined>(Math.max(firstSlots, values.length * 2)).fill(undefined);
    for (const value of values) if (value !== undefined) this.#slots[this.#slotOf(Number(value.id))] = value;
  }
}
