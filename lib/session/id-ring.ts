const firstSlots = 8;
/** What a ring holds before its first value: one slot, never filled. */
const noIds = new Uint32Array(1);
const noValues: undefined[] = [undefined];
const largestId = 0xffff_ffff;

/**
 * Values under integers that it chooses, ascending and never one that is in use. A `Map` would do, but one that is
 * filled and emptied all the time leaves a chain of outgrown tables behind, and as soon as one of them is old every
 * value since is kept, and copied, by the garbage collector.
 */
export class IdRing<Value> {
  size = 0;
  #ids = noIds;
  #values: (Value | undefined)[] = noValues;
  #lastId = 0;

  /** Keeps `value` and returns its id, 1 to 2^32 - 1. */
  add(value: Value): number {
    if (this.size * 2 >= this.#values.length - 1) this.#grow();
    let slot: number;
    do {
      this.#lastId = this.#lastId === largestId ? 1 : this.#lastId + 1;
      slot = this.#lastId & (this.#values.length - 1);
    } while (this.#values[slot] !== undefined);
    this.#ids[slot] = this.#lastId;
    this.#values[slot] = value;
    this.size += 1;
    return this.#lastId;
  }

  get(id: number): Value | undefined {
    const slot = id & (this.#values.length - 1);
    return this.#ids[slot] === id ? this.#values[slot] : undefined;
  }

  /** Removes and returns what has this id. */
  take(id: number): Value | undefined {
    const value = this.get(id);
    if (value === undefined) return undefined;
    this.#values[id & (this.#values.length - 1)] = undefined;
    this.size -= 1;
    return value;
  }

  /** What is kept now, in the order it was added. */
  entries(): (readonly [id: number, value: Value])[] {
    const found: (readonly [number, Value])[] = [];
    for (const [slot, value] of this.#values.entries()) {
      if (value !== undefined) found.push([this.#ids[slot] as number, value]);
    }
    const age = (id: number): number => (this.#lastId - id) >>> 0;
    return found.sort(([a], [b]) => age(b) - age(a));
  }

  #grow(): void {
    const entries = this.entries();
    // Ids that were apart modulo the old size are apart modulo any multiple of it.
    const slots = Math.max(firstSlots, this.#values.length * 2);
    this.#ids = new Uint32Array(slots);
    this.#values = new Array<Value | undefined>(slots).fill(undefined);
    for (const [id, value] of entries) {
      this.#ids[id & (slots - 1)] = id;
      this.#values[id & (slots - 1)] = value;
    }
  }
}
