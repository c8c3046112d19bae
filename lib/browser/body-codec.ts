import { MessagePackReader } from '../wire/native/message-pack-reader.ts';
import { shallowBytes } from './message-pack-writer.ts';

export { BodyPacker, roomBytes } from './message-pack-writer.ts';

/** Stands in, with the packer, for `wire/native/body-codec` in web pages. */
export class BodyReader extends MessagePackReader {
  /** How many more levels there may be, that of what is in the innermost list or object included. */
  #left = Infinity;

  /** @throws BusError `ERR_PROTOCOL` also for what nests deeper than `maxDepth`. */
  override read(bytes: Uint8Array, start: number, end: number, maxDepth = Infinity): unknown {
    this.#left = end - start > shallowBytes ? maxDepth + 1 : Infinity;
    return super.read(bytes, start, end);
  }

  protected override value(): unknown {
    if (this.#left <= 0) throw new RangeError('a body nests too deep');
    this.#left -= 1;
    const value = super.value();
    this.#left += 1;
    return value;
  }
}
