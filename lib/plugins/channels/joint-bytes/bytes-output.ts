import { BusError } from '../../../base/errors.ts';
import { groups } from './chunks.ts';

const maxLength = 536_870_911;
const utf8 = new TextEncoder();

/** Writes the little-endian types of joint peers into a growing buffer. Values out of range throw `ERR_INVALID_ARGUMENT`. */
export class BytesOutput {
  #bytes = new Uint8Array(64);
  #view = new DataView(this.#bytes.buffer);
  #position = 0;

  /** What was written so far; later writes do not change it. */
  getBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#position);
  }

  writeBool(value: boolean): void {
    const at = this.#room(1);
    this.#view.setUint8(at, value ? 1 : 0);
  }

  writeByte(value: number): void {
    integer(value, 0, 255);
    const at = this.#room(1);
    this.#view.setUint8(at, value);
  }

  writeInt8(value: number): void {
    integer(value, -128, 127);
    const at = this.#room(1);
    this.#view.setInt8(at, value);
  }

  writeInt16(value: number): void {
    integer(value, -32_768, 32_767);
    const at = this.#room(2);
    this.#view.setInt16(at, value, true);
  }

  writeUInt16(value: number): void {
    integer(value, 0, 65_535);
    const at = this.#room(2);
    this.#view.setUint16(at, value, true);
  }

  writeInt24(value: number): void {
    integer(value, -8_388_608, 8_388_607);
    this.#put24(value);
  }

  writeUInt24(value: number): void {
    integer(value, 0, 16_777_215);
    this.#put24(value);
  }

  writeInt32(value: number): void {
    integer(value, -2_147_483_648, 2_147_483_647);
    const at = this.#room(4);
    this.#view.setInt32(at, value, true);
  }

  /** Single precision, as the peers' `Float` is on the wire. */
  writeFloat(value: number): void {
    const at = this.#room(4);
    this.#view.setFloat32(at, value, true);
  }

  writeDouble(value: number): void {
    const at = this.#room(8);
    this.#view.setFloat64(at, value, true);
  }

  /** A count or length: up to four bytes of base 128, the value itself. */
  writeLength(value: number): void {
    integer(value, 0, maxLength);
    this.write(Uint8Array.from(groups(value, 4)));
  }

  writeString(value: string): void {
    this.writeBytes(utf8.encode(value));
  }

  /** The bytes with their length before them. */
  writeBytes(bytes: Uint8Array): void {
    this.writeLength(bytes.length);
    this.write(bytes);
  }

  /** The bytes alone. */
  write(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  #put24(value: number): void {
    const at = this.#room(3);
    this.#view.setUint16(at, value & 0xff_ff, true);
    this.#view.setUint8(at + 2, (value >> 16) & 255);
  }

  /** Where the next `count` bytes go; to be called before buffer or view are looked at, as both may be replaced. */
  #room(count: number): number {
    const at = this.#position;
    this.#position += count;
    if (this.#position > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#position, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}

function integer(value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new BusError('ERR_INVALID_ARGUMENT', `${value} is not an integer from ${least} to ${most}`);
}
