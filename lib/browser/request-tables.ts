import type { RequestTables } from '../bus/requests/request-tables.ts';
import type { RequestId } from '../wire/frames.ts';

/** The page's side of `#request-tables`: small instead of fast. */
export class IdRing<Value> {
  /** Nobody asks for it in pages. */
  declare readonly lastId?: number;
  readonly #values = new Map<number, Value>();
  #lastId = 0;

  get size(): number {
    return this.#values.size;
  }

  add(value: Value): number {
    do this.#lastId = (this.#lastId % 0xffff_ffff) + 1;
    while (this.#values.has(this.#lastId));
    this.#values.set(this.#lastId, value);
    return this.#lastId;
  }

  get(id: number): Value | undefined {
    return this.#values.get(id);
  }

  take(id: number): Value | undefined {
    const value = this.get(id);
    this.#values.delete(id);
    return value;
  }

  entries(): (readonly [id: number, value: Value])[] {
    return [...this.#values];
  }
}

export class RequestTable<Value extends { readonly id: RequestId }> {
  readonly #values = new Map<RequestId, Value>();

  get size(): number {
    return this.#values.size;
  }

  add(value: Value): void {
    this.#values.set(value.id, value);
  }

  get(id: RequestId): Value | undefined {
    return this.#values.get(id);
  }

  delete(id: RequestId): void {
    this.#values.delete(id);
  }

  clear(): Value[] {
    const values = [...this.#values.values()];
    this.#values.clear();
    return values;
  }
}

({ IdRing, RequestTable }) satisfies RequestTables;
