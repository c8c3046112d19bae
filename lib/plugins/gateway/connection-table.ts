import { randomUUID } from 'node:crypto';

/** Connections by opaque, unguessable id. */
export class ConnectionTable<Connection> {
  readonly #byId = new Map<string, Connection>();

  get size(): number {
    return this.#byId.size;
  }

  /** Makes a connection under an id of its own. */
  add(make: (id: string) => Connection): Connection {
    const id = randomUUID();
    const connection = make(id);
    this.#byId.set(id, connection);
    return connection;
  }

  get(id: string): Connection | undefined {
    return this.#byId.get(id);
  }

  delete(id: string): boolean {
    return this.#byId.delete(id);
  }

  /** Those present now; the table may change while they are gone through. */
  all(): Connection[] {
    return [...this.#byId.values()];
  }
}
