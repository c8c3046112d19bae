/** A part of the content, `end` exclusive; undefined: to wherever the content ends. */
export interface ByteRange {
  readonly start: number;
  readonly end: number | undefined;
}

/**
 * Reads a Range header (RFC 9110, section 14) against content of `size` bytes, of which `size` undefined means that the
 * end is not known. `whole` where the header is absent, not understood or names several ranges, as the RFC allows.
 */
export function readRange(header: string | undefined, size: number | undefined): ByteRange | 'whole' | 'unsatisfiable' {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.replaceAll(' ', '') ?? '');
  if (match === null) return 'whole';
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '' || size === undefined) return 'whole';
    const count = Math.min(Number(last), size);
    return count === 0 ? 'unsatisfiable' : { start: size - count, end: size };
  }
  const start = Number(first);
  const end = last === '' ? size : Math.min(Number(last) + 1, size ?? Infinity);
  if (last !== '' && Number(last) < start) return 'whole';
  if (size !== undefined && start >= size) return 'unsatisfiable';
  return { start, end };
}

/** What a Content-Range header says of a part; undefined if it cannot be read. */
export function readContentRange(header: string | undefined): { start: number; size: number | undefined } | undefined {
  const match = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(header ?? '');
  if (match === null) return undefined;
  const [, start = '', size = ''] = match;
  return { start: Number(start), size: size === '*' ? undefined : Number(size) };
}
