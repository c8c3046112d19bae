// Bytes are a `Buffer` where the platform has one, and a `Uint8Array` in web pages.

/** `length` bytes with whatever was in them, in memory of their own: for what is large or kept. */
export function allocate(length: number): Uint8Array {
  return typeof Buffer === 'function' ? Buffer.allocUnsafeSlow(length) : new Uint8Array(length);
}

/** The same, where it is small out of memory that is shared: the quickest for what is soon released. */
export function allocateShared(length: number): Uint8Array {
  return typeof Buffer === 'function' ? Buffer.allocUnsafe(length) : new Uint8Array(length);
}

/** The bytes of `parts`, one after the other; `length` where their sum is known. */
export function concat(parts: readonly Uint8Array[], length = sum(parts)): Uint8Array {
  const whole = allocate(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = allocateShared(bytes.length);
  copy.set(bytes);
  return copy;
}

/** The same bytes as listeners on this platform expect them. */
export function platformBytes(bytes: Uint8Array): Uint8Array {
  return typeof Buffer === 'function' ? asBuffer(bytes) : bytes;
}

/** The same bytes as a `Buffer`; not for web pages. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function sum(parts: readonly Uint8Array[]): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}
