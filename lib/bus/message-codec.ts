import { leastCost } from '../wire/codec/body-cost.ts';
import { allocate } from '../base/bytes.ts';
import { BodyPacker, BodyReader, packPlain, roomBytes } from '../wire/native/body-codec.ts';

const maxDepth = 64;
const bufferBytes = 16_384;

/**
 * Data as bytes, as the bus itself encodes it: MessagePack that another end decodes without having seen what came before.
 * For plugins whose frames pass through something that carries bytes, such as a channel.
 */
export class MessageCodec {
  readonly #packer = new BodyPacker();
  readonly #reader = new BodyReader();
  /** Messages are written one behind the other, and what was handed out is never written again. */
  #buffer: Uint8Array = new Uint8Array(0);
  #position = 0;

  /** @throws BusError `ERR_UNENCODABLE`. */
  encode(data: unknown): Uint8Array {
    if (this.#buffer.length - this.#position < roomBytes) {
      this.#buffer = allocate(bufferBytes);
      this.#position = 0;
    }
    const { buffer, start, end } = this.#packer.pack(data, this.#buffer, this.#position, 0, Infinity, leastCost);
    if (buffer === this.#buffer) this.#position = end;
    return buffer.subarray(start, end);
  }

  /** As plain MessagePack, for others than busbar: bytes are `bin`, sets and errors lists. @throws BusError `ERR_UNENCODABLE`. */
  encodePlain(data: unknown): Uint8Array {
    return packPlain(data);
  }

  /** @throws BusError `ERR_PROTOCOL` for bytes that are no data, or nest too deep. */
  decode(bytes: Uint8Array): unknown {
    return this.#reader.read(bytes, 0, bytes.length, maxDepth);
  }
}
