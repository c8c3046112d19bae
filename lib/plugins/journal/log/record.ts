import { checksum } from './checksum.ts';

/**
 * Before the body of each record, little endian: the length of the body (u32), a CRC-32 of what follows it and of the
 * length (u32), a check of the length alone (u16), and the sequence (u48).
 */
export const recordHeaderBytes = 16;

const seedOfCheck = 0xb5a3;

/** Tells a length that was cut off from one that was changed: one changed bit never fits. */
function checkOf(length: number): number {
  return (length ^ (length >>> 16) ^ seedOfCheck) & 0xffff;
}

export function writeUint32(into: Uint8Array, at: number, value: number): void {
  into[at] = value;
  into[at + 1] = value >>> 8;
  into[at + 2] = value >>> 16;
  into[at + 3] = value >>> 24;
}

export function readUint32(from: Uint8Array, at: number): number {
  return (
    ((from[at] as number) | ((from[at + 1] as number) << 8) | ((from[at + 2] as number) << 16)) +
    (from[at + 3] as number) * 0x1000000
  );
}

export function writeUint48(into: Uint8Array, at: number, value: number): void {
  writeUint32(into, at, value);
  const high = Math.floor(value / 0x1_0000_0000);
  into[at + 4] = high;
  into[at + 5] = high >>> 8;
}

export function readUint48(from: Uint8Array, at: number): number {
  return readUint32(from, at) + ((from[at + 4] as number) | ((from[at + 5] as number) << 8)) * 0x1_0000_0000;
}

/** Writes the header of a record whose body of `length` bytes stands behind it already. */
export function sealRecord(into: Uint8Array, at: number, length: number, sequence: number): void {
  writeUint32(into, at, length);
  const check = checkOf(length);
  into[at + 8] = check;
  into[at + 9] = check >>> 8;
  writeUint48(into, at + 10, sequence);
  writeUint32(into, at + 4, checksum(into, at + 8, at + recordHeaderBytes + length, length));
}

/** What stands at a place where a record should begin: a whole one, what was cut off, or what is damaged. */
export type Finding = 'whole' | 'cut' | 'damaged';

/** Of the record at `at` of `bytes`, which end at `end`. */
export function findRecord(bytes: Uint8Array, at: number, end: number): Finding {
  if (end - at < 10) return 'cut';
  const length = readUint32(bytes, at);
  if (((bytes[at + 8] as number) | ((bytes[at + 9] as number) << 8)) !== checkOf(length)) return 'damaged';
  const over = at + recordHeaderBytes + length;
  if (over > end) return 'cut';
  return checksum(bytes, at + 8, over, length) === readUint32(bytes, at + 4) ? 'whole' : 'damaged';
}

export function bodyLength(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at);
}

export function sequenceOf(bytes: Uint8Array, at: number): number {
  return readUint48(bytes, at + 10);
}
