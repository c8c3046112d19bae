import { BusError } from '../base/errors.ts';
import { isSharedMemory, sharedMemory, unencodable } from '../wire/codec/unencodable.ts';
import type { Packed } from '../wire/native/body-codec.ts';
import { isRaw, rawBytes, rawKind } from '../wire/native/raw-body.ts';
import { Extension, rawKinds } from '../wire/native/header.ts';

/** What has to be free behind a body's start before it is packed: nothing, as the writer finds room itself. */
export const roomBytes = 64;

/** Bodies up to this cannot nest deeply enough to hurt. */
export const shallowBytes = 4_096;

const encoder = new TextEncoder();

/**
 * Packs bodies in MessagePack as msgpackr does without records; it stands in for msgpackr where a page has to be small
 * and may not generate code.
 */
export class BodyPacker {
  readonly #plain: boolean;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  #start = 0;
  #at = 0;
  #headroom = 0;
  /** The lists and objects around what is written, and the most that were. */
  #level = 0;
  #deepest = 0;

  /** `plain`: without extensions, but those of dates and numbers. */
  constructor(plain = false) {
    this.#plain = plain;
  }

  /** Packs `data` behind `headroom` free bytes. @throws BusError `ERR_UNENCODABLE` */
  pack(data: unknown, slab: Uint8Array, at: number, headroom: number, maxDepth = Infinity, _most?: number): Packed {
    this.#use(slab);
    this.#headroom = headroom;
    this.#start = at + headroom;
    this.#at = this.#start;
    this.#level = 0;
    this.#deepest = 0;
    try {
      this.#value(data);
      if (this.#deepest > maxDepth && this.#at - this.#start > shallowBytes) throw new BusError('ERR_UNENCODABLE');
      return { buffer: this.#bytes, start: this.#start, end: this.#at, records: false, cost: 0 };
    } catch (cause) {
      throw unencodable(cause);
    } finally {
      this.#use(new Uint8Array(0));
    }
  }

  /** It defines nothing that could be forgotten. */
  forget(): void {}

  #value(value: unknown): void {
    this.#deepest = Math.max(this.#deepest, this.#level);
    if (typeof value === 'string') this.#text(value);
    else if (typeof value === 'number') this.#number(value);
    else if (value === null) this.#put(1, 0xc0);
    else if (typeof value === 'boolean') this.#put(1, value ? 0xc3 : 0xc2);
    else if (typeof value === 'bigint') this.#big(value);
    else if (typeof value === 'object') this.#object(value);
    else if (typeof value === 'symbol') throw new TypeError('a symbol has no encoding');
    else this.#put(3, 0xd40000);
  }

  #number(value: number): void {
    if (!Number.isInteger(value) || value < -0x80000000 || value > 0xffffffff || Object.is(value, -0)) {
      this.#put(1, 0xcb);
      const at = this.#room(8);
      this.#view.setFloat64(at, value);
    } else if (value < -0x8000) this.#put(1, 0xd2, 4, value);
    else if (value < -0x80) this.#put(1, 0xd1, 2, value);
    else if (value < -0x20) this.#put(1, 0xd0, 1, value);
    else if (value < 0x80) this.#put(1, value);
    else if (value < 0x100) this.#put(1, 0xcc, 1, value);
    else if (value < 0x10000) this.#put(1, 0xcd, 2, value);
    else this.#put(1, 0xce, 4, value);
  }

  #big(value: bigint): void {
    const signed = BigInt.asIntN(64, value) === value;
    if (signed || BigInt.asUintN(64, value) === value) {
      this.#put(1, signed ? 0xd3 : 0xcf);
      const at = this.#room(8);
      this.#view.setBigInt64(at, BigInt.asIntN(64, value));
      return;
    }
    // Two's complement, the highest byte first, with room for the sign.
    const size = ((value < 0n ? ~value : value).toString(2).length >> 3) + 1;
    const digits = BigInt.asUintN(size * 8, value)
      .toString(16)
      .padStart(size * 2, '0');
    const bytes = Uint8Array.from({ length: size }, (_, index) =>
      Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16),
    );
    this.#extension(Extension.bigint, bytes);
  }

  #text(text: string): void {
    const bytes = encoder.encode(text);
    if (bytes.length < 32) this.#put(1, 0xa0 | bytes.length);
    else this.#sized(0xd9, bytes.length);
    this.#copy(bytes);
  }

  #object(value: object): void {
    if (isSharedMemory(value)) throw new TypeError(sharedMemory);
    if (Array.isArray(value)) this.#list(value);
    else if (value instanceof Map) this.#entries([...value]);
    else if (value instanceof Set) this.#tagged(Extension.set, [...value]);
    else if (value instanceof Date) this.#date(value);
    else if (value instanceof Error) this.#tagged(Extension.error, [value.name, value.message, value.cause]);
    else if (value instanceof RegExp) this.#tagged(Extension.regExp, [value.source, value.flags]);
    else if (isRaw(value)) this.#binary(rawKinds.indexOf(rawKind(value)), rawBytes(value));
    else if ('toJSON' in value && typeof value.toJSON === 'function') {
      this.#value(Reflect.apply(value.toJSON, value, []));
    } else this.#entries(Object.entries(value));
  }

  #list(values: readonly unknown[]): void {
    if (values.length < 16) this.#put(1, 0x90 | values.length);
    else this.#counted(0xdc, values.length);
    this.#level += 1;
    for (const value of values) this.#value(value);
    this.#level -= 1;
  }

  #entries(entries: readonly (readonly unknown[])[]): void {
    if (entries.length < 16) this.#put(1, 0x80 | entries.length);
    else this.#counted(0xde, entries.length);
    this.#level += 1;
    for (const [key, value] of entries) {
      if (typeof key === 'object' && key !== null) throw new TypeError('a key of a Map is an object');
      this.#value(key);
      this.#value(value);
    }
    this.#level -= 1;
  }

  #tagged(type: number, values: readonly unknown[]): void {
    if (!this.#plain) this.#put(3, 0xd40000 | (type << 8));
    this.#list(values);
  }

  #binary(kind: number, bytes: Uint8Array): void {
    if (this.#plain) {
      this.#sized(0xc4, bytes.length);
      this.#copy(bytes);
      return;
    }
    const whole = new Uint8Array(1 + bytes.length);
    whole[0] = kind;
    whole.set(bytes, 1);
    this.#extension(Extension.binary, whole);
  }

  #extension(type: number, bytes: Uint8Array): void {
    this.#sized(0xc7, bytes.length);
    this.#put(1, type);
    this.#copy(bytes);
  }

  #date(date: Date): void {
    const seconds = Math.floor(date.getTime() / 1000);
    const nanoseconds = date.getMilliseconds() * 1_000_000;
    if (Number.isNaN(seconds)) this.#put(3, 0xd4ffff);
    else if (nanoseconds === 0 && seconds >= 0 && seconds < 0x100000000) this.#put(2, 0xd6ff, 4, seconds);
    else {
      this.#put(3, 0xc70cff, 4, nanoseconds);
      const at = this.#room(8);
      this.#view.setBigInt64(at, BigInt(seconds));
    }
  }

  /** A token and a count of one byte, or the tokens after it and one of two or four. */
  #sized(token: number, count: number): void {
    if (count < 0x100) this.#put(1, token, 1, count);
    else this.#counted(token + 1, count);
  }

  /** A token and a count of two bytes, or the token after it and one of four. */
  #counted(token: number, count: number): void {
    if (count < 0x10000) this.#put(1, token, 2, count);
    else this.#put(1, token + 1, 4, count);
  }

  /** `width` bytes of `token`, then `more` bytes of `value`, the highest first. */
  #put(width: number, token: number, more = 0, value = 0): void {
    let at = this.#room(width + more);
    for (let shift = width - 1; shift >= 0; shift--) this.#bytes[at++] = token >>> (shift * 8);
    for (let shift = more - 1; shift >= 0; shift--) this.#bytes[at++] = value >>> (shift * 8);
  }

  #copy(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Takes `bytes` more and returns where they start. */
  #room(bytes: number): number {
    const end = this.#at + bytes;
    if (end > this.#bytes.length) this.#grow(bytes);
    const at = this.#at;
    this.#at += bytes;
    return at;
  }

  #grow(bytes: number): void {
    const written = this.#bytes.subarray(this.#start, this.#at);
    const larger = new Uint8Array(this.#headroom + Math.max(1024, 2 * (written.length + bytes)));
    larger.set(written, this.#headroom);
    this.#use(larger);
    this.#start = this.#headroom;
    this.#at = this.#headroom + written.length;
  }

  #use(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}
