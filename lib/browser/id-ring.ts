/** Stands in for `session/id-ring` in web pages: small instead of fast. */
export class IdRing<Value> {
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
