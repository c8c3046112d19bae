/** Who asks for more parts that do not touch does not want the whole. */
const mostParts = 1_000;

/** Which bytes of a content have left, as parts that do not touch, in order. */
export class Coverage {
  #parts: { readonly start: number; readonly end: number }[] = [];

  /** `end` exclusive. */
  add(start: number, end: number): void {
    if (this.#parts.length >= mostParts) this.#parts = [];
    const apart = this.#parts.filter((part) => part.end < start || part.start > end);
    const joined = this.#parts.filter((part) => !apart.includes(part));
    const first = Math.min(start, ...joined.map((part) => part.start));
    const last = Math.max(end, ...joined.map((part) => part.end));
    this.#parts = [...apart, { start: first, end: last }].sort((one, other) => one.start - other.start);
  }

  /** Whether all bytes up to `size` have. */
  reaches(size: number): boolean {
    const [first] = this.#parts;
    return size === 0 || (first !== undefined && first.start === 0 && first.end >= size);
  }
}
