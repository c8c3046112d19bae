import { BusError } from '../../base/errors.ts';
import { textOf } from '../../base/thrown.ts';

/** `ERR_UNENCODABLE` for what a codec threw at `what`; a `BusError` stays what it is. */
export function unencodable(cause: unknown, what = 'data'): BusError {
  if (cause instanceof BusError) return cause;
  const text = textOf(cause);
  // A codec without an end to follow runs until the stack is used up, and says no more than that.
  const reason = /call stack|recursion/i.test(text) ? 'it is circular or nests too deep' : text;
  return new BusError('ERR_UNENCODABLE', `The ${what} cannot be encoded: ${reason}`, { cause });
}

/** Why shared memory is refused. */
export const sharedMemory = 'a SharedArrayBuffer cannot travel';

/** By its tag, since it may be of another realm. */
export function isSharedMemory(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object SharedArrayBuffer]';
}

/**
 * Why `data` must not travel although a codec could write it: it holds a SharedArrayBuffer, which would arrive as an
 * empty object, or a Map with an object for a key, which no reader could make a property of. Walks what the codec has
 * walked, so it ends.
 */
export function misfit(data: unknown, asJson = false): string | undefined {
  if (typeof data !== 'object' || data === null || ArrayBuffer.isView(data)) return undefined;
  if (isSharedMemory(data)) return sharedMemory;
  for (const part of partsOf(data, asJson)) {
    const reason = misfit(part, asJson);
    if (reason !== undefined) return reason;
  }
  if (!asJson && data instanceof Map) {
    for (const key of data.keys()) if (typeof key === 'object' && key !== null) return 'a key of a Map is an object';
  }
  return undefined;
}

/** What a codec writes of `data`. What `toJSON` returned is not asked for again. */
function partsOf(data: object, asJson: boolean): Iterable<unknown> {
  if (!Array.isArray(data) && 'toJSON' in data && typeof data.toJSON === 'function') return [];
  if (!asJson) {
    if (data instanceof Map || data instanceof Set) return data.values();
    if (data instanceof Error) return [data.cause];
    if (data instanceof RegExp) return [];
  }
  const parts: unknown[] = Object.values(data);
  return parts;
}
