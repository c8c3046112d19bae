import { BusError } from '../../../base/errors.ts';

/** The largest chunk that headers of 1, 2, 3 and 4 bytes can state: 7 bits a byte, 8 in the last one permitted. */
const classes = [256, 32_768, 4_194_304, 536_870_912] as const;

/** How long headers may be where chunks have at most `maxChunkBytes`; both ends must use the same class. */
export function headerClass(maxChunkBytes: number): number {
  const index = classes.findIndex((limit) => maxChunkBytes <= limit);
  if (index < 0) throw new BusError('ERR_TOO_LARGE', `A chunk has at most ${classes[3]} bytes.`);
  return index + 1;
}

/** What stands before a chunk inside the byte stream: its size less one, in groups of seven bits, low group first. */
export function chunkHeader(size: number, maxChunkBytes: number): Uint8Array {
  if (size < 1) throw new BusError('ERR_INVALID_ARGUMENT', 'A chunk has at least one byte.');
  if (size > maxChunkBytes) throw new BusError('ERR_TOO_LARGE', `The chunk has ${size} of ${maxChunkBytes} bytes.`);
  return Uint8Array.from(groups(size - 1, headerClass(maxChunkBytes)));
}

/** Writes `value` in at most `maxBytes` base-128 groups, the last permitted one with eight bits. */
export function groups(value: number, maxBytes: number): number[] {
  const bytes: number[] = [];
  while (bytes.length < maxBytes - 1 && value > 127) {
    bytes.push((value & 127) | 128);
    value >>>= 7;
  }
  bytes.push(value);
  return bytes;
}
