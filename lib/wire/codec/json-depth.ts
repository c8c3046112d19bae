const quote = 0x22;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/**
 * Whether JSON text nests arrays and objects deeper than `maxDepth`. Exact for valid JSON; for other text it may say either,
 * which is no matter, since a parser refuses that.
 */
export function jsonExceedsDepth(bytes: Uint8Array, start: number, end: number, maxDepth: number): boolean {
  if (hasFewOpeners(bytes, start, end, maxDepth)) return false;
  let depth = 0;
  for (let index = start; index < end; index++) {
    const byte = bytes[index];
    if (byte === quote) {
      for (index++; index < end && bytes[index] !== quote; index++) {
        if (bytes[index] === backslash) index++;
      }
    } else if (byte === openBrace || byte === openBracket) {
      if (++depth > maxDepth) return true;
    } else if (byte === closeBrace || byte === closeBracket) {
      depth--;
    }
  }
  return false;
}

/** Whether there are too few opening brackets and braces to nest that deep: long lists and texts need no closer look. */
function hasFewOpeners(bytes: Uint8Array, start: number, end: number, maxDepth: number): boolean {
  let count = 0;
  for (const opener of [openBracket, openBrace]) {
    for (let at = bytes.indexOf(opener, start); at >= 0 && at < end; at = bytes.indexOf(opener, at + 1)) {
      count += 1;
      if (count > maxDepth) return false;
    }
  }
  return true;
}
