const maxDepth = 64;
const partBytes = 8;

/** About how many bytes `value`, which is data, takes while it is kept. Nothing is encoded for that. */
export function dataSize(value: unknown, depth = 0): number {
  if (typeof value === 'string') return partBytes + value.length;
  if (typeof value !== 'object' || value === null) return partBytes;
  if (ArrayBuffer.isView(value)) return partBytes + value.byteLength;
  if (depth >= maxDepth) return partBytes;
  let bytes = partBytes;
  if (Array.isArray(value) || value instanceof Set || value instanceof Map) {
    for (const part of value) bytes += dataSize(part, depth + 1);
    return bytes;
  }
  if (value instanceof ArrayBuffer) return partBytes + value.byteLength;
  for (const key in value) bytes += key.length + dataSize((value as Record<string, unknown>)[key], depth + 1);
  return bytes;
}
