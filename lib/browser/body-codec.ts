import { MessagePackReader } from '../wire/native/message-pack-reader.ts';
import { shallowBytes } from './message-pack-writer.ts';

export { BodyPacker, roomBytes } from './message-pack-writer.ts';

/** Stands in, with the packer, for `wire/native/body-codec` in web pages. */
export class BodyReader extends MessagePackReader {
  override read(bytes: Uint8Array, start: number, end: number, maxDepth = Infinity): unknown {
    return super.read(bytes, start, end, end - start > shallowBytes ? maxDepth : Infinity);
  }
}
