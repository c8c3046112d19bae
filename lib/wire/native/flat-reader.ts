/** Deeper ones are left to msgpackr. */
const mostLevels = 8;
const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Texts that were read before, by a hash: most of them, and nearly all keys, come again. */
const known: (string | undefined)[] = Array.from({ length: 1_024 });
const mostKnown = 24;

/** Where the next byte is; -1 once something else was met. */
let at = 0;

/**
 * Reads objects and lists of short ASCII texts, numbers and the like, as `writeFlat` and msgpackr without records write them, at
 * half of what msgpackr takes. Undefined for anything else, and for what is not whole.
 */
export function readFlat(bytes: Uint8Array, start: number, end: number): unknown {
  at = start;
  const value = readValue(bytes, end, mostLevels);
  return at === end ? value : undefined;
}

function readValue(bytes: Uint8Array, end: number, levels: number): unknown {
  if (at >= end) return fail();
  const token = bytes[at++] as number;
  if (token < 0x80) return token;
  if (token < 0x90) return readObject(bytes, end, token & 15, levels);
  if (token < 0xa0) return readList(bytes, end, token & 15, levels);
  if (token < 0xc0) return readText(bytes, end, token & 31);
  if (token >= 0xe0) return token - 0x100;
  switch (token) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xcb:
      return readFloat(bytes, end);
    case 0xcc:
      return readBytes(bytes, end, 1);
    case 0xcd:
      return readBytes(bytes, end, 2);
    case 0xce:
      return readBytes(bytes, end, 4) >>> 0;
    case 0xd0:
      return (readBytes(bytes, end, 1) << 24) >> 24;
    case 0xd1:
      return (readBytes(bytes, end, 2) << 16) >> 16;
    case 0xd2:
      return readBytes(bytes, end, 4);
    case 0xd9:
      return readText(bytes, end, readBytes(bytes, end, 1));
    case 0xdc:
      return readList(bytes, end, readBytes(bytes, end, 2), levels);
    case 0xde:
      return readObject(bytes, end, readBytes(bytes, end, 2), levels);
    default:
      return fail();
  }
}

function readObject(bytes: Uint8Array, end: number, count: number, levels: number): object | undefined {
  if (levels === 0) return fail();
  const object: Record<string, unknown> = {};
  for (let left = count; left > 0 && at >= 0; left--) {
    const token = at < end ? (bytes[at] as number) : 0;
    if ((token & 0xe0) !== 0xa0) return fail();
    at += 1;
    const key = readText(bytes, end, token & 31);
    // What that would set is not a property of the object.
    if (key === undefined || key === '__proto__') return fail();
    object[key] = readValue(bytes, end, levels - 1);
  }
  return object;
}

function readList(bytes: Uint8Array, end: number, count: number, levels: number): unknown[] | undefined {
  if (levels === 0) return fail();
  const list: unknown[] = [];
  for (let left = count; left > 0 && at >= 0; left--) list.push(readValue(bytes, end, levels - 1));
  return list;
}

function readText(bytes: Uint8Array, end: number, length: number): string | undefined {
  const start = at;
  const over = start + length;
  if (start < 0 || over > end) return fail();
  let hash = length;
  for (let index = start; index < over; index++) {
    const code = bytes[index] as number;
    if (code > 127) return fail();
    hash = (hash * 31 + code) | 0;
  }
  at = over;
  const place = hash & (known.length - 1);
  const text = known[place];
  if (text !== undefined && text.length === length && stands(text, bytes, start)) return text;
  let read = '';
  for (let index = start; index < over; index++) read += String.fromCharCode(bytes[index] as number);
  if (length <= mostKnown) known[place] = read;
  return read;
}

function stands(text: string, bytes: Uint8Array, start: number): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) !== bytes[start + index]) return false;
  return true;
}

/** An unsigned number of up to two bytes, or a signed one of four. */
function readBytes(bytes: Uint8Array, end: number, width: number): number {
  if (at < 0 || at + width > end) {
    fail();
    return 0;
  }
  let value = 0;
  for (let left = width; left > 0; left--) value = (value << 8) | (bytes[at++] as number);
  return value;
}

function readFloat(bytes: Uint8Array, end: number): number | undefined {
  if (at + 8 > end) return fail();
  for (let index = 0; index < 8; index++) floatBytes[isLittleEndian ? 7 - index : index] = bytes[at + index] as number;
  at += 8;
  return float[0];
}

function fail(): undefined {
  at = -1;
}
