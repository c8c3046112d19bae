import { crc32 } from 'node:zlib';

/** From this size on, the call into the platform is cheaper than the loop here. */
const longBytes = 256;

/** For each of eight bytes in a row what it adds to the remainder. */
const tables = ((): readonly Uint32Array[] => {
  const [first, ...others] = Array.from({ length: 8 }, () => new Uint32Array(256)) as [Uint32Array, ...Uint32Array[]];
  for (let byte = 0; byte < 256; byte++) {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest & 1) === 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
    first[byte] = rest;
  }
  let before = first;
  for (const table of others) {
    for (let byte = 0; byte < 256; byte++) {
      const rest = before[byte] as number;
      table[byte] = (rest >>> 8) ^ (first[rest & 255] as number);
    }
    before = table;
  }
  return [first, ...others];
})();
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
];

/** The CRC-32 of `bytes` from `start` to `end`, as zlib has it, begun with `seed`. */
export function checksum(bytes: Uint8Array, start: number, end: number, seed: number): number {
  if (end - start >= longBytes) return crc32(bytes.subarray(start, end), seed);
  let rest = ~seed;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    rest ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    rest =
      (t7[rest & 255] as number) ^
      (t6[(rest >>> 8) & 255] as number) ^
      (t5[(rest >>> 16) & 255] as number) ^
      (t4[rest >>> 24] as number) ^
      (t3[bytes[at + 4] as number] as number) ^
      (t2[bytes[at + 5] as number] as number) ^
      (t1[bytes[at + 6] as number] as number) ^
      (t0[bytes[at + 7] as number] as number);
  }
  for (; at < end; at++) rest = (t0[(rest ^ (bytes[at] as number)) & 255] as number) ^ (rest >>> 8);
  return ~rest >>> 0;
}
