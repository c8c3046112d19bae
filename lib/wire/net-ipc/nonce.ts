import type { RequestId } from '../frames.ts';

export const maxNonceBytes = 128;
const longestNumber = 11;

/** What travels as `n` for an id: our own integers in base 36, a peer's nonce as it came. */
export function nonceOfRequest(id: number): string {
  return id.toString(36);
}

/** The id that an answer's nonce stands for: the integer if it is one of ours, else the nonce as it came. */
export function idOfAnswer(nonce: RequestId): RequestId {
  if (typeof nonce === 'number' || nonce.length > longestNumber) return nonce;
  const id = Number.parseInt(nonce, 36);
  return id >= 0 && id <= Number.MAX_SAFE_INTEGER && id.toString(36) === nonce ? id : nonce;
}

/** Whether `value` may be a nonce. */
export function isNonce(value: unknown): value is RequestId {
  if (typeof value === 'number') return Number.isFinite(value);
  return typeof value === 'string' && value.length <= maxNonceBytes && Buffer.byteLength(value) <= maxNonceBytes;
}
