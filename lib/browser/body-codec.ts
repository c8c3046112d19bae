import { MessagePackReader } from '../wire/native/message-pack-reader.ts';
import { checkDepth } from './message-pack-depth.ts';

export { BodyPacker, roomBytes } from './message-pack-writer.ts';

/** Stands in, with the packer, for `wire/native/body-codec` in web pages. */
export class BodyReader extends MessagePackReader {
  /** @throws BusError `ERR_PROTOCOL` also for what nests deeper than `maxDepth`. */
  override read(bytes: Uint8Array, start: number, end: number, maxDepth = Infinity): unknown {
    checkDepth(bytes, start, end, maxDepth);
    return super.read(bytes, start, end);
  }
}
