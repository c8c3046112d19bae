import { BusError } from '../../base/errors.ts';
import { textOf } from '../../base/text-of.ts';

/** `ERR_UNENCODABLE` for what a codec threw at `what`; a `BusError` stays what it is. */
export function unencodable(cause: unknown, what = 'data'): BusError {
  if (cause instanceof BusError) return cause;
  const text = textOf(cause);
  // A codec without an end to follow runs until the stack is used up, and says no more than that.
  const reason = /call stack|recursion/i.test(text) ? 'it is circular, or nests too deep' : text;
  return new BusError('ERR_UNENCODABLE', `The ${what} cannot be encoded: ${reason}`, { cause });
}
