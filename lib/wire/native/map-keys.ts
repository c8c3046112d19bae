/**
 * Whether `data` holds a Map with an object for a key, which no reader could make a property of. Walks data that a packer
 * has written, so that it is finite.
 */
export function hasObjectKey(data: unknown): boolean {
  if (typeof data !== 'object' || data === null || ArrayBuffer.isView(data)) return false;
  if (data instanceof Map) {
    for (const [key, value] of data) {
      if ((typeof key === 'object' && key !== null) || hasObjectKey(value)) return true;
    }
    return false;
  }
  const values: Iterable<unknown> = Array.isArray(data) || data instanceof Set ? data : Object.values(data);
  for (const value of values) if (hasObjectKey(value)) return true;
  return false;
}
