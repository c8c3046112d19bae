import { BusError } from './errors.ts';

const longestBytes = 256;
/** No unit of UTF-16 takes more than three bytes. */
const surelyShort = 85;
/** Half of a pair: has no form in UTF-8, in which all such become one and the same. */
const loneSurrogate = /\p{Surrogate}/u;

/** Whether `value` can name something: a text of 1 to 256 bytes that stays what it is on its way. */
export function isName(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || loneSurrogate.test(value)) return false;
  return value.length <= surelyShort || Buffer.byteLength(value) <= longestBytes;
}

/** @throws BusError `ERR_INVALID_ARGUMENT` for what cannot be the name of `what`. */
export function checkName(what: string, value: unknown): asserts value is string {
  if (isName(value)) return;
  const text = `The name of ${what} is a string of 1 to ${longestBytes} bytes, without lone surrogates`;
  throw new BusError('ERR_INVALID_ARGUMENT', text);
}
