import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Encoding } from '../http/body-pump.ts';
import type { Payload } from '../payload/payload.ts';

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

/** The ETag of a transfer's content, given the transfer's tag; each encoding is a representation of its own. */
function etagOf(tag: string, encoding?: Encoding): string {
  return `"${tag}${encoding === undefined ? '' : `-${encoding}`}"`;
}

/** The Range header, unless If-Range names another content. */
export function rangeHeader({ headers }: IncomingMessage, tag: string): string | undefined {
  const condition = headers['if-range'];
  return condition === undefined || condition === etagOf(tag) ? headers.range : undefined;
}

/** Whether a range says where it ends: parallel downloaders do, a resumed download does not. */
export function isOneOfMany(range: string | undefined): boolean {
  return /^bytes=\d+-\d+$/.test(range?.replaceAll(' ', '') ?? '');
}

/** The headers of a response with the whole content, or with a part of it. */
export function contentHeaders(
  payload: Payload,
  tag: string,
  range?: ByteRange,
  encoding?: Encoding,
): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {
    'content-type': payload.kind === 'string' ? 'text/plain; charset=utf-8' : 'application/octet-stream',
    'accept-ranges': 'bytes',
    etag: etagOf(tag, encoding),
    'cache-control': 'no-store',
  };
  const end = range?.end ?? payload.size;
  if (encoding !== undefined) headers['content-encoding'] = encoding;
  else if (end !== undefined) headers['content-length'] = end - (range?.start ?? 0);
  if (range !== undefined && end !== undefined) {
    headers['content-range'] = `bytes ${range.start}-${end - 1}/${payload.size ?? '*'}`;
  }
  return headers;
}
