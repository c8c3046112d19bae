import { randomUUID } from 'node:crypto';
import { slotOf, slotPrefix } from './id-map.ts';

interface Slot<Connection> {
  readonly prefix: string;
  connection: Connection | undefined;
  /** Its id is good. */
  known: boolean;
  /** Its socket is not done with it. */
  live: boolean;
}

/** Connections by opaque, unguessable id, and those that still live although their id is no longer good. */
export class ConnectionTable<Connection extends { readonly id: string }> {
  readonly #slots: Slot<Connection>[] = [];
  readonly #free: number[] = [];
  #size = 0;

  /** How many have an id that is good. */
  get size(): number {
    return this.#size;
  }

  /** Makes a connection under an id of its own, known until `delete` and live until `release`. */
  add(make: (id: string) => Connection): Connection {
    const slot = this.#slots[this.#free.pop() ?? this.#slots.length] ?? this.#newSlot();
    const connection = make(slot.prefix + randomUUID().slice(slot.prefix.length));
    slot.connection = connection;
    slot.known = true;
    slot.live = true;
    this.#size += 1;
    return connection;
  }

  get(id: string): Connection | undefined {
    const slot = this.#slots[slotOf(id)];
    return slot?.known === true && slot.connection?.id === id ? slot.connection : undefined;
  }

  /** Its id is not good any more; false if it was not before. */
  delete(id: string): boolean {
    const at = slotOf(id);
    const slot = this.#slots[at];
    if (slot?.known !== true || slot.connection?.id !== id) return false;
    slot.known = false;
    this.#size -= 1;
    this.#leave(slot, at);
    return true;
  }

  /** Its socket is done with it. */
  release(connection: Connection): void {
    const at = slotOf(connection.id);
    const slot = this.#slots[at];
    if (slot?.connection !== connection || !slot.live) return;
    slot.live = false;
    this.#leave(slot, at);
  }

  /** Those whose id is good now; the table may change while they are gone through. */
  all(): Connection[] {
    return this.#slots.flatMap(({ connection, known }) => (known && connection !== undefined ? [connection] : []));
  }

  /** Those that live now, likewise. */
  live(): Connection[] {
    return this.#slots.flatMap(({ connection, live }) => (live && connection !== undefined ? [connection] : []));
  }

  #newSlot(): Slot<Connection> {
    const slot = { prefix: slotPrefix(this.#slots.length), connection: undefined, known: false, live: false };
    this.#slots.push(slot);
    return slot;
  }

  #leave(slot: Slot<Connection>, at: number): void {
    if (slot.known || slot.live) return;
    slot.connection = undefined;
    this.#free.push(at);
  }
}
