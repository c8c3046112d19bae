import type { RequestId } from '../../wire/frames.ts';

const firstSlots = 8;
/** What a table holds before its first value: one slot, never filled. */
const noIds = new Uint32Array(1);
const noSlots: undefined[] = [undefined];
const largestId = 0xffff_ffff;
const mostSlots = 4_096;

/** Both sides of `#request-tables`. */
export interface RequestTables {
  readonly IdRing: new <Value>() => {
    readonly size: number;
    /** How many were added, in pages undefined. */
    readonly lastId?: number;
    add(value: Value): number;
    get(id: number): Value | undefined;
    take(id: number): Value | undefined;
    entries(): (readonly [id: number, value: Value])[];
  };
  readonly RequestTable: new <Value extends { readonly id: RequestId }>() => {
    readonly size: number;
    add(value: Value): void;
    get(id: RequestId): Value | undefined;
    delete(id: RequestId): void;
    clear(): Value[];
  };
}

/**
 * Values under integers that it chooses, ascending and never one that is in use. A `Map` would do, but one that is
 * filled and emptied all the time leaves a chain of outgrown tables behind, and as soon as one of them is old every
 * value since is kept, and copied, by the garbage collector.
 */
export class IdRing<Value> {
  size = 0;
  #ids = noIds;
  #values: (Value | undefined)[] = noSlots;
  lastId = 0;

  /** Keeps `value` and returns its id, 1 to 2^32 - 1. */
  add(value: Value): number {
    if (this.size * 2 >= this.#values.length - 1) this.#grow();
    let slot: number;
    do {
      this.lastId = this.lastId === largestId ? 1 : this.lastId + 1;
      slot = this.lastId & (this.#values.length - 1);
    } while (this.#values[slot] !== undefined);
    this.#ids[slot] = this.lastId;
    this.#values[slot] = value;
    this.size += 1;
    return this.lastId;
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
    const age = (id: number): number => (this.lastId - id) >>> 0;
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

/**
 * Values under ids that the peer chose. Integers that ascend, as busbar's do, are found by their place, since a
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

({ IdRing, RequestTable }) satisfies RequestTables;
