import { misfit } from './unencodable.ts';

/**
 * The text of `data`, `undefined` where JSON has none, without the keys `__proto__`. Shared memory would be written as `{}`, so data is looked
 * through where that stands. Throws what `JSON.stringify` does, and a TypeError for shared memory.
 */
export function toJson(data: unknown): string | undefined {
  const written: string | undefined = JSON.stringify(data);
  const text = written?.includes('"__proto__":') === true ? JSON.stringify(parseJson(written)) : written;
  const reason = text?.includes('{}') === true ? misfit(data, true) : undefined;
  if (reason !== undefined) throw new TypeError(reason);
  return text;
}

/** Whether `text` may have keys `__proto__`, which could be written with escapes. */
export function mayHoldProto(text: string): boolean {
  return text.includes('__proto__') || (text.includes('\\u00') && /\\u00[5-7]/.test(text));
}

/** What `text` says, without the keys `__proto__`. Throws a SyntaxError. */
export function parseJson(text: string, mayHold = mayHoldProto(text)): unknown {
  return mayHold ? JSON.parse(text, withoutProto) : JSON.parse(text);
}

function withoutProto(key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value;
}

// The bytes that JSON text is told apart by.
export const quote = 0x22;
export const backslash = 0x5c;
export const openBracket = 0x5b;
export const closeBracket = 0x5d;
export const openBrace = 0x7b;
export const closeBrace = 0x7d;

/**
 * Whether JSON text nests arrays and objects deeper than `maxDepth`. Exact for valid JSON; for other text it may say either,
 * which is no matter, since a parser refuses that.
 */
export function jsonExceedsDepth(bytes: Uint8Array, start: number, end: number, maxDepth: number): boolean {
  return jsonPiecesExceedDepth([bytes.subarray(start, end)], maxDepth);
}

/** The same for a text in pieces. */
export function jsonPiecesExceedDepth(pieces: readonly Uint8Array[], maxDepth: number): boolean {
  if (haveFewOpeners(pieces, maxDepth)) return false;
  let depth = 0;
  let inText = false;
  let escaped = false;
  for (const bytes of pieces) {
    let index = 0;
    if (escaped && bytes.length > 0) {
      escaped = false;
      index = 1;
    }
    for (; index < bytes.length; index++) {
      if (inText) {
        const found = bytes.indexOf(quote, index);
        const end = found < 0 ? bytes.length : found;
        const isEscaped = endsInEscape(bytes, index, end);
        if (found < 0) escaped = isEscaped;
        else inText = isEscaped;
        index = end;
        continue;
      }
      const byte = bytes[index];
      if (byte === quote) {
        inText = true;
      } else if (byte === openBrace || byte === openBracket) {
        if (++depth > maxDepth) return true;
      } else if (byte === closeBrace || byte === closeBracket) {
        depth--;
      }
    }
  }
  return false;
}

/** Whether what follows `end` is escaped: an odd number of backslashes stands before it, from `start` on. */
function endsInEscape(bytes: Uint8Array, start: number, end: number): boolean {
  let first = end;
  while (first > start && bytes[first - 1] === backslash) first--;
  return (end - first) % 2 === 1;
}

/** Whether there are too few opening brackets and braces to nest that deep: long lists and texts need no closer look. */
function haveFewOpeners(pieces: readonly Uint8Array[], maxDepth: number): boolean {
  let count = 0;
  for (const bytes of pieces) {
    for (const opener of [openBracket, openBrace]) {
      for (let at = bytes.indexOf(opener); at >= 0; at = bytes.indexOf(opener, at + 1)) {
        count += 1;
        if (count > maxDepth) return false;
      }
    }
  }
  return true;
}
