import { BusError } from '../../base/errors.ts';
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
  /** Of a busbar link that is opening: the server asks which user the client is, and the client answers. */
  challenge: 7,
} as const;

export type PacketType = (typeof packetType)[keyof typeof packetType];

/**
 * The length in front of every net-ipc packet: big-endian base-128, seven bits a byte, the last byte marked by its
 * high bit.
 */
const longestTagBytes = 5;

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

const maxNonceBytes = 128;

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

const longestCode = 64;

/** How a server said no. */
export interface Refusal {
  /** A code of `errorCodes`; absent when the server is a net-ipc one. */
  readonly code: string | undefined;
  readonly reason: unknown;
  /** Whether the client may try again by itself. */
  readonly allowReconnect: boolean;
}

/** The payload of an END packet, checked. Throws `ERR_PROTOCOL`. */
export function asRefusal(data: unknown): Refusal {
  if (data === undefined || data === null) return { code: undefined, reason: undefined, allowReconnect: true };
  if (typeof data !== 'object') throw new BusError('ERR_PROTOCOL', 'The END packet is malformed');
  const code = 'c' in data && typeof data.c === 'string' && data.c.length <= longestCode ? data.c : undefined;
  return { code, reason: 'm' in data ? data.m : undefined, allowReconnect: 'a' in data && data.a === true };
}
