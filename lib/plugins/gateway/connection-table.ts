import { randomUUID } from 'node:crypto';
import { SlotTable } from '../../base/slot-table.ts';

interface Entry<Connection> {
  readonly connection: Connection;
  /** Its id is valid. */
  known: boolean;
  /** Its socket still uses it. */
  live: boolean;
}

/** An unguessable id that begins with its slot, in place of the first part of a UUID. */
function newId(slot: number): string {
  const prefix = slot.toString(16).padStart(8, '0');
  return prefix + randomUUID().slice(prefix.length);
}

/** The slot that an id begins with; NaN if it is not one of ours. */
function slotOf(id: string): number {
  // What follows the first part of a UUID is a dash, where parsing ends.
  return Number.parseInt(id, 16);
}

/** Connections by opaque, unguessable id, and those whose id is no longer valid but whose socket still uses them. */
export class ConnectionTable<Connection extends { readonly id: string }> {
  readonly #slots = new SlotTable<Entry<Connection>>();
  #size = 0;

  /** How many have a valid id. */
  get size(): number {
    return this.#size;
  }

  /** Makes a connection with a new id, valid until `delete` and live until `release`. */
  add(make: (id: string) => Connection): Connection {
    const entry = this.#slots.take((slot) => ({ connection: make(newId(slot)), known: true, live: true }));
    this.#size += 1;
    return entry.connection;
  }

  get(id: string): Connection | undefined {
    const entry = this.#slots.get(slotOf(id));
    return entry?.known === true && entry.connection.id === id ? entry.connection : undefined;
  }

  /** Invalidates an id; false if it was not valid. */
  delete(id: string): boolean {
    const entry = this.#slots.get(slotOf(id));
    if (entry?.known !== true || entry.connection.id !== id) return false;
    entry.known = false;
    this.#size -= 1;
    if (!entry.live) this.#slots.release(slotOf(id));
    return true;
  }

  /** The socket no longer uses the connection. */
  release(connection: Connection): void {
    const slot = slotOf(connection.id);
    const entry = this.#slots.get(slot);
    if (entry?.connection !== connection) return;
    entry.live = false;
    if (!entry.known) this.#slots.release(slot);
  }

  /** A copy of those with a valid id. */
  all(): Connection[] {
    return this.#slots.values().flatMap(({ connection, known }) => (known ? [connection] : []));
  }

  /** A copy of those that are live. */
  live(): Connection[] {
    return this.#slots.values().flatMap(({ connection, live }) => (live ? [connection] : []));
  }
}

/**
 * Items by the ids of connections. A `Map` would do, but one that is filled and emptied all the time keeps its outgrown
 * tables alive, and through them everything it held, until the next full garbage collection.
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

  /** A copy of the items. */
  all(): Item[] {
    return this.#slots.filter((item) => item !== undefined);
  }
}
