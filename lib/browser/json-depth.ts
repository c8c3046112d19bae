/**
 * Stands in for `wire/codec/json-depth` in web pages: the only JSON there is the
 * server's hello, of 64 KiB at most, which the parser of a page takes however it nests.
 */
export function jsonExceedsDepth(): boolean {
  return false;
}
