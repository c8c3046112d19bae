import { MessagePackReader } from '../wire/native/message-pack-reader.ts';
import { BodyPacker, shallowBytes } from './message-pack-writer.ts';

export { BodyPacker, roomBytes } from './message-pack-writer.ts';

/** Reads what the page's packer writes, and msgpackr without records. */
export class BodyReader extends MessagePackReader {
  override read(bytes: Uint8Array, start: number, end: number, maxDepth = Infinity): unknown {
    return super.read(bytes, start, end, end - start > shallowBytes ? maxDepth : Infinity);
  }
}

export function packPlain(value: unknown): Uint8Array {
  const { buffer, start, end } = new BodyPacker(true).pack(value, new Uint8Array(0), 0, 0);
  return buffer.subarray(start, end);
}
