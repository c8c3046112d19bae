import type { RequestId } from '../frames.ts';

/** The member `t` of a net-ipc packet. */
export const packetType = {
  connection: 0,
  message: 1,
  request: 2,
  response: 3,
  ping: 4,
  pong: 5,
  end: 6,
} as const;

export type PacketType = (typeof packetType)[keyof typeof packetType];

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

export const maxNonceBytes = 128;

/** What travels as `n` for an id: our own integers in base 36, a peer's nonce as it came. */
export function nonceOfRequest(id: number): string {
  return id.toString(36);
}

/** The id that an answer's nonce stands for: the integer if it is one of ours, else the nonce as it came. */
export function idOfAnswer(nonce: RequestId): RequestId {
  if (typeof nonce === 'number' || nonce.length === 0 || (nonce.length > 1 && nonce.startsWith('0'))) return nonce;
  let id = 0;
  for (let index = 0; index < nonce.length; index++) {
    const letter = nonce.charCodeAt(index);
    if (letter >= 0x30 && letter <= 0x39) id = id * 36 + letter - 0x30;
    else if (letter >= 0x61 && letter <= 0x7a) id = id * 36 + letter - 0x61 + 10;
    else return nonce;
    if (id > Number.MAX_SAFE_INTEGER) return nonce;
  }
  return id;
}

/** Whether `value` may be a nonce. */
export function isNonce(value: unknown): value is RequestId {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'string') return false;
  return (
    value.length * 3 <= maxNonceBytes || (value.length <= maxNonceBytes && Buffer.byteLength(value) <= maxNonceBytes)
  );
}
