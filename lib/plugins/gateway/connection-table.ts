import { randomUUID } from 'node:crypto';
import { SlotTable } from '../../base/slot-table.ts';

interface Entry<Connection> {
  readonly connection: Connection;
  /** Its id is good. */
  known: boolean;
  /** Its socket is not done with it. */
  live: boolean;
}

/** An unguessable id that begins with its slot, in place of the first part of a UUID. */
function newId(slot: number): string {
  const prefix = slot.toString(16).padStart(8, '0');
  return prefix + randomUUID().slice(prefix.length);
}

/** The slot that an id begins with; no number where it is none of ours. */
function slotOf(id: string): number {
  // What follows the first part of a UUID is a dash, where parsing ends.
  return Number.parseInt(id, 16);
}

/** Connections by opaque, unguessable id, and those that still live although their id is no longer good. */
export class ConnectionTable<Connection extends { readonly id: string }> {
  readonly #slots = new SlotTable<Entry<Connection>>();
  #size = 0;

  /** How many have an id that is good. */
  get size(): number {
    return this.#size;
  }

  /** Makes a connection under an id of its own, known until `delete` and live until `release`. */
  add(make: (id: string) => Connection): Connection {
    const entry = this.#slots.take((slot) => ({ connection: make(newId(slot)), known: true, live: true }));
    this.#size += 1;
    return entry.connection;
  }

  get(id: string): Connection | undefined {
    const entry = this.#slots.get(slotOf(id));
    return entry?.known === true && entry.connection.id === id ? entry.connection : undefined;
  }

  /** Its id is not good any more; false if it was not before. */
  delete(id: string): boolean {
    const entry = this.#slots.get(slotOf(id));
    if (entry?.known !== true || entry.connection.id !== id) return false;
    entry.known = false;
    this.#size -= 1;
    if (!entry.live) this.#slots.release(slotOf(id));
    return true;
  }

  /** Its socket is done with it. */
  release(connection: Connection): void {
    const slot = slotOf(connection.id);
    const entry = this.#slots.get(slot);
    if (entry?.connection !== connection) return;
    entry.live = false;
    if (!entry.known) this.#slots.release(slot);
  }

  /** Those whose id is good now; the table may change while they are gone through. */
  all(): Connection[] {
    return this.#slots.values().flatMap(({ connection, known }) => (known ? [connection] : []));
  }

  /** Those that live now, likewise. */
  live(): Connection[] {
    return this.#slots.values().flatMap(({ connection, live }) => (live ? [connection] : []));
  }
}

/**
 * What belongs to some connections of a table, by their ids. It does what a Map does; but a Map that is filled and emptied
 * all the time keeps its outgrown tables alive, and through them everything it held, until the next full collection.
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
