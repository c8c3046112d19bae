import type { RequestId } from '../wire/frames.ts';

/** Stands in for `bus/request-table` in web pages: small instead of fast. */
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
