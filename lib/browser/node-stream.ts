/** Stands in for `node:stream` in web pages: no value there is a `Readable`. */
export class Readable {
  /** What would be wrapped is an async iterable already. */
  static from<Source>(source: Source): Source {
    return source;
  }
}
