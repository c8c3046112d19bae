import { countBytes, fixedBytes } from './msgpack-token.ts';

/** The extension for binary data inside other data: one byte that names its class, then the bytes. */
const binaryExtension = 0x74;
/** The classes with a number: the typed arrays are 0 to 10. */
const lastTypedArray = 10;
const arrayBuffer = 16;
const dataView = 17;

/** Whether a MessagePack body holds binary data of a class without a number, which nobody could read. */
export function holdsUnknownArray(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    const token = bytes[at] as number;
    at += 1;
    if (token >= 0xa0 && token < 0xc0) at += token & 0x1f;
    if (token < 0xc0 || token >= 0xe0) continue;
    const counted = countBytes[token - 0xc0] as number;
    let count = 0;
    for (let i = 0; i < counted; i++) count = count * 256 + (bytes[at + i] as number);
    at += counted;
    if (token >= 0xc7 && token <= 0xc9 && bytes[at] === binaryExtension) {
      const kind = bytes[at + 1] as number;
      if (kind > lastTypedArray && kind !== arrayBuffer && kind !== dataView) return true;
    }
    at += fixedBytes[token - 0xc0] as number;
    // Elements of arrays and maps follow as tokens of their own.
    if (token < 0xdc) at += count;
  }
  return false;
}
