/** Stands in for `node:stream` in web pages, by the field `browser` of package.json: no value there is a `Readable`. */
export class Readable {
  /** What would be wrapped is an async iterable already. */
  static from<Source>(source: Source): Source {
    return source;
  }
}
