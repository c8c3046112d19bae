// Channels hand out a `Buffer` where the platform has one; web pages have `Uint8Array` alone.

/** `length` bytes with whatever was in them. */
export function allocate(length: number): Uint8Array {
  return typeof Buffer === 'function' ? Buffer.allocUnsafe(length) : new Uint8Array(length);
}

/** The same bytes as the platform's listeners expect them. */
export function platformBytes(bytes: Uint8Array): Uint8Array {
  if (typeof Buffer !== 'function' || bytes instanceof Buffer) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

export function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = allocate(bytes.length);
  copy.set(bytes);
  return copy;
}
