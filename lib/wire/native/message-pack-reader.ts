import { BusError } from '../../base/errors.ts';
import { Extension, rawKinds } from './header.ts';
import { rawValue } from './raw-body.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Reads what a `BodyPacker` without records wrote, msgpackr's or that of pages. It serves pages, and the bodies that
 * msgpackr reads wrongly. A key `__proto__` is dropped with its value.
 */
export class MessagePackReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  #at = 0;
  #end = 0;
  /** How many more lists and objects there may be around what is read. */
  #left = Infinity;

  /** @throws BusError `ERR_PROTOCOL` when the bytes are not a value, are more than one, or nest deeper than `maxDepth`. */
  read(bytes: Uint8Array, start: number, end: number, maxDepth = Infinity): unknown {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, end);
    this.#at = start;
    this.#end = end;
    this.#left = maxDepth;
    try {
      const value = this.value();
      if (this.#at !== end) throw new RangeError('bytes are left');
      return value;
    } catch (cause) {
      throw new BusError('ERR_PROTOCOL', 'A body is not valid MessagePack', { cause });
    }
  }

  protected value(): unknown {
    if (this.#left < 0) throw new RangeError('it nests too deep');
    const token = this.#count(1);
    if (token < 0x80) return this.small(token);
    if (token < 0x90) return this.#object(token & 15);
    if (token < 0xa0) return this.#list(token & 15);
    if (token < 0xc0) return this.#text(token & 31);
    if (token >= 0xe0) return token - 0x100;
    switch (token) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return Uint8Array.prototype.slice.call(this.#take(this.#count(1 << (token - 0xc4))));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#count(1 << (token - 0xc7)));
      case 0xca:
        return this.#view.getFloat32(this.#skip(4));
      case 0xcb:
        return this.#view.getFloat64(this.#skip(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#count(1 << (token - 0xcc));
      case 0xcf:
        return this.#view.getBigUint64(this.#skip(8));
      case 0xd0:
        return this.#view.getInt8(this.#skip(1));
      case 0xd1:
        return this.#view.getInt16(this.#skip(2));
      case 0xd2:
        return this.#view.getInt32(this.#skip(4));
      case 0xd3:
        return this.#view.getBigInt64(this.#skip(8));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (token - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#count(1 << (token - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#list(this.#count(2 << (token - 0xdc)));
      case 0xde:
      case 0xdf:
        return this.#object(this.#count(2 << (token - 0xde)));
      default:
        throw new RangeError('a token is unknown');
    }
  }

  #text(length: number): string {
    return decoder.decode(this.#take(length));
  }

  #list(length: number): unknown[] {
    const list: unknown[] = [];
    this.#left -= 1;
    for (let index = 0; index < length; index++) list.push(this.value());
    this.#left += 1;
    return list;
  }

  #object(length: number): object {
    const object: Record<string, unknown> = {};
    this.#left -= 1;
    for (let index = 0; index < length; index++) {
      const key = this.value();
      if (typeof key === 'object' && key !== null) throw new RangeError('a key is an object');
      this.put(object, String(key));
    }
    this.#left += 1;
    return object;
  }

  /** Reads the value of `key`. */
  protected put(object: Record<string, unknown>, key: string): void {
    const value = this.value();
    if (key !== '__proto__') object[key] = value;
  }

  /** What a token below 0x80 stands for. */
  protected small(token: number): unknown {
    return token;
  }

  protected error([name, message, cause]: readonly unknown[]): Error {
    const error = new Error(String(message), { cause });
    error.name = String(name);
    return error;
  }

  /** An extension of another type. */
  protected other(_type: number, _bytes: Uint8Array): unknown {
    throw new RangeError('an extension is unknown');
  }

  #extension(length: number): unknown {
    const type = this.#view.getInt8(this.#skip(1));
    if (type === -1) return this.#date(length);
    const bytes = this.#take(length);
    switch (type) {
      case Extension.undefined:
        return undefined;
      case Extension.bigint: {
        const digits = bytes.reduce((text, byte) => text + byte.toString(16).padStart(2, '0'), '0x');
        return BigInt.asIntN(length * 8, BigInt(digits));
      }
      case Extension.error:
        return this.error(asList(this.value()));
      case Extension.set:
        return new Set(asList(this.value()));
      case Extension.binary:
        return rawValue(rawKinds[bytes[0] ?? -1] ?? -1, new Uint8Array(bytes.subarray(1)));
      case Extension.regExp: {
        const [source, flags] = asList(this.value());
        return new RegExp(String(source), String(flags));
      }
      default:
        return this.other(type, bytes);
    }
  }

  #date(length: number): Date {
    if (length === 4) return new Date(this.#count(4) * 1000);
    if (length === 8) {
      const packed = this.#view.getBigUint64(this.#skip(8));
      return new Date(Number(packed & 0x3ffffffffn) * 1000 + Number(packed >> 34n) / 1_000_000);
    }
    if (length !== 12) {
      this.#skip(length);
      return new Date(Number.NaN);
    }
    const milliseconds = this.#count(4) / 1_000_000;
    return new Date(Number(this.#view.getBigInt64(this.#skip(8))) * 1000 + milliseconds);
  }

  /** An unsigned number of one, two or four bytes. */
  #count(width: number): number {
    let value = 0;
    for (const byte of this.#take(width)) value = value * 256 + byte;
    return value;
  }

  #take(length: number): Uint8Array {
    const start = this.#skip(length);
    return this.#bytes.subarray(start, this.#at);
  }

  /** Continues by `length` and returns where it was. */
  #skip(length: number): number {
    const start = this.#at;
    if (start + length > this.#end) throw new RangeError('bytes are missing');
    this.#at += length;
    return start;
  }
}

export function asList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new RangeError('a list is missing');
  return value;
}
