import { BusError } from '../base/errors.ts';
import { isRaw } from '../wire/native/raw-body.ts';
import { MessagePackReader } from '../wire/native/message-pack-reader.ts';
import { BodyPacker } from './message-pack-writer.ts';

/**
 * Stands in for `plugins/rpc/joint/struct-codec` in web pages: the codec of bodies,
 * which writes bytes and sets in a way of its own that joint peers do not read.
 */
export function packStruct(value: unknown): Uint8Array {
  const { buffer, start, end } = new BodyPacker().pack(value, new Uint8Array(0), 0, 0);
  if (holdsExtension(value))
    throw new BusError('ERR_UNENCODABLE', 'A struct from a web page holds no bytes and no sets');
  return buffer.subarray(start, end);
}

export function unpackStruct(bytes: Uint8Array): unknown {
  return new MessagePackReader().read(bytes, 0, bytes.length);
}

/** `value` was packed, so it is not circular. */
function holdsExtension(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (isRaw(value) || value instanceof Set) return true;
  return (value instanceof Map ? [...value.values()] : Object.values(value)).some(holdsExtension);
}
