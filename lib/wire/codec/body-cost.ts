import { backslash, closeBrace, closeBracket, openBrace, openBracket, quote } from './json.ts';

/**
 * What the parts of a body cost its reader; the unit is about the cost of a small number: bytes of small parts block
 * the event loop a hundred times as long as those of one text. `text`, `longText`, `float`, `longNumber`, `key` of
 * many, `member` of a set: in addition to the `value`.
 */
export const cost = {
  value: 1,
  container: 4,
  text: 3,
  longText: 4,
  float: 1,
  longNumber: 4,
  key: 16,
  member: 4,
  object: 16,
  regExp: 64,
  error: 320,
};

/** Shorter texts are kept by the engine once, and cost no more than numbers. */
const shortTextBytes = 2;
/** Texts of this many bytes or more are long; for keys, most of which repeat, the limit is higher. */
const longTextBytes = 12;
const longKeyBytes = 16;

/** What a text of this many bytes costs in addition to the `value`. */
export function textCost(bytes: number, isKey: boolean): number {
  if (isKey) return bytes >= longKeyBytes ? cost.longText : 0;
  if (bytes >= longTextBytes) return cost.longText;
  return bytes >= shortTextBytes ? cost.text : 0;
}

/** A big integer costs one more for each of this many bytes. */
export const bigBytes = 2;

/** A map with more keys than this is kept in another way, in which each of them costs more. */
export const manyKeys = 128;

/** A body that mentions keys which are to be dropped is read several times more slowly. */
export const slowdown = 8;

/** What a body may cost at the least, which is what goes with messages of `bytesOfLeast`; larger ones may cost more, in proportion. */
export const leastCost = 1_572_864;
const bytesOfLeast = 16_777_216;

/** The most that a body may cost where messages have `maxBytes` at most. */
export function mostCost(maxBytes: number): number {
  return Math.max(leastCost, Math.floor((maxBytes / bytesOfLeast) * leastCost));
}

const comma = 0x2c;
const colon = 0x3a;
/** JSON has not more cost than this for each byte. */
const mostOfByte = 4;

/** Each of this many bytes outside of texts costs one more, because numbers may be long. */
const bytesOfNumber = 8;

/** Whether JSON text, in pieces, costs more than `most` to read. Exact for valid JSON. */
export function jsonExceedsCost(pieces: readonly Uint8Array[], most: number): boolean {
  const bytesInAll = pieces.reduce((sum, { length }) => sum + length, 0);
  if (bytesInAll * mostOfByte <= most) return false;
  let sum = 1;
  /** The keys of each open list or object. */
  const keys: number[] = [0];
  let inText = false;
  let isEscaped = false;
  let textBytes = 0;
  /** What the last text was counted as, in case that it turns out to be a key. */
  let lastText = 0;
  let outside = 0;
  for (const bytes of pieces) {
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index] as number;
      if (inText) {
        textBytes += 1;
        if (isEscaped) isEscaped = false;
        else if (byte === backslash) {
          isEscaped = true;
          sum += cost.value;
        } else if (byte === quote) {
          inText = false;
          lastText = textCost(textBytes - 1, false);
          sum += lastText;
        }
        continue;
      }
      outside += 1;
      if (outside % bytesOfNumber === 0) sum += cost.value;
      if (byte === quote) {
        inText = true;
        textBytes = 0;
      } else if (byte === comma) sum += cost.value;
      else if (byte === openBracket || byte === openBrace) {
        sum += cost.value + cost.container;
        keys.push(0);
      } else if (byte === closeBracket || byte === closeBrace) {
        keys.pop();
      } else if (byte === colon) {
        const last = keys.length - 1;
        const count = (keys[last] ?? 0) + 1;
        if (last >= 0) keys[last] = count;
        sum += cost.value + (count > manyKeys ? cost.key : 0) - lastText;
        lastText = 0;
      }
      if (sum > most) return true;
    }
  }
  return false;
}
