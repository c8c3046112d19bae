import { BusError } from '../../base/errors.ts';

/** What bodies and messages are given as; a string is encoded as UTF-8. */
export type BodyData = string | Uint8Array;

/** @throws BusError `ERR_INVALID_ARGUMENT` */
export function toBuffer(data: BodyData): Buffer {
  if (typeof data === 'string') return Buffer.from(data);
  if (data instanceof Uint8Array) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  throw new BusError('ERR_INVALID_ARGUMENT', 'a body is a string or a Uint8Array');
}
