import type { RequestId } from '../frames.ts';

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
