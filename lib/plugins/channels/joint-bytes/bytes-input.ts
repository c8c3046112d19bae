import { BusError } from '../../../base/errors.ts';

/** Reads the little-endian types of joint peers. Reading past the end, or what no peer writes, throws `ERR_PROTOCOL`. */
export class BytesInput {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get bytesLeft(): number {
    return this.#bytes.length - this.#position;
  }

  readBool(): boolean {
    return this.readByte() !== 0;
  }

  readByte(): number {
    return this.#view.getUint8(this.#step(1));
  }

  readInt8(): number {
    return this.#view.getInt8(this.#step(1));
  }

  readInt16(): number {
    return this.#view.getInt16(this.#step(2), true);
  }

  readUInt16(): number {
    return this.#view.getUint16(this.#step(2), true);
  }

  readInt24(): number {
    return (this.readUInt24() << 8) >> 8;
  }

  readUInt24(): number {
    const at = this.#step(3);
    return this.#view.getUint16(at, true) + this.#view.getUint8(at + 2) * 65_536;
  }

  readInt32(): number {
    return this.#view.getInt32(this.#step(4), true);
  }

  readFloat(): number {
    return this.#view.getFloat32(this.#step(4), true);
  }

  readDouble(): number {
    return this.#view.getFloat64(this.#step(8), true);
  }

  readLength(): number {
    let value = 0;
    for (let index = 0; index < 4; index += 1) {
      const byte = this.readByte();
      if (index === 3 || byte < 128) {
        if (index > 0 && byte === 0) throw malformed('a length ends with an empty group');
        return value + byte * 2 ** (7 * index);
      }
      value += (byte & 127) * 2 ** (7 * index);
    }
    return value;
  }

  readString(): string {
    try {
      return this.#utf8.decode(this.readBytes());
    } catch (error) {
      throw error instanceof BusError ? error : malformed('a string is not UTF-8');
    }
  }

  /** A view of as many bytes as the length before them says. */
  readBytes(): Uint8Array {
    return this.read(this.readLength());
  }

  /** A view of the next `count` bytes. */
  read(count: number): Uint8Array {
    const at = this.#step(count);
    return this.#bytes.subarray(at, at + count);
  }

  #step(count: number): number {
    if (count > this.bytesLeft) throw malformed(`${count} bytes were to follow, ${this.bytesLeft} did`);
    const at = this.#position;
    this.#position += count;
    return at;
  }
}

function malformed(what: string): BusError {
  return new BusError('ERR_PROTOCOL', `Joint types: ${what}`);
}
