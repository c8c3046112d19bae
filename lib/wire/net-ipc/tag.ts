/**
 * The length in front of every net-ipc packet: big-endian base-128, seven bits a byte, the last byte marked by its
 * high bit.
 */
export const longestTagBytes = 5;

/** How many bytes the tag of `length` takes. */
export function tagWidth(length: number): number {
  if (length < 0x80) return 1;
  if (length < 0x4000) return 2;
  if (length < 0x20_0000) return 3;
  return length < 0x1000_0000 ? 4 : 5;
}

/** Writes the tag of `length`, which takes `width` bytes, at `at`. */
export function writeTag(target: Uint8Array, at: number, length: number, width: number): void {
  let rest = length;
  target[at + width - 1] = (rest & 0x7f) | 0x80;
  for (let index = at + width - 2; index >= at; index--) {
    rest = Math.floor(rest / 128);
    target[index] = rest & 0x7f;
  }
}

/**
 * Reads the tag at `at`: the length and the width of the tag as `length * 8 + width`, 0 when it is not all there by `end`,
 * -1 when it is longer than any tag.
 */
export function readTag(source: Uint8Array, at: number, end: number): number {
  let length = 0;
  const stop = Math.min(end, at + longestTagBytes);
  for (let index = at; index < stop; index++) {
    const byte = source[index] ?? 0;
    if (byte > 0x7f) return (length * 128 + (byte & 0x7f)) * 8 + (index - at + 1);
    length = length * 128 + byte;
  }
  return stop - at === longestTagBytes ? -1 : 0;
}
