import { allocate } from '../base/bytes.ts';
import { BusError } from '../base/errors.ts';
import { textCost, slowdown } from '../wire/codec/body-cost.ts';
import type { BodyLimits, WrittenBody } from '../wire/contracts.ts';
import { BodyPacker, roomBytes } from '../wire/native/body-codec.ts';
import { holdsProto } from '../wire/native/careful-reader.ts';
import { checkBody, tooCostly } from '../wire/native/msgpack-check.ts';
import { countBytes } from './shape.ts';

const nothing = new Uint8Array(0);
const usualBytes = 16_384;
const largestKept = 65_536;
/** So that a body can be copied by four bytes at a time. */
const spareBytes = 3;
/** Texts up to this are written letter by letter, and have a short count before them. */
const shortText = 63;
const loneSurrogate = /\p{Surrogate}/u;

/** Thrown where the buffer is too short: all is written again into a longer one. */
export const full = new BusError('ERR_TOO_LARGE');

/** Where bodies are written, one at a time, before they are copied to where they belong. */
export class Scratch implements WrittenBody {
  buffer: Uint8Array = nothing;
  view: DataView = new DataView(this.buffer.buffer);
  length = 0;
  cost = 0;
  /** Up to here there is room for all that is of one size. */
  limit = 0;
  /** A getter of what is written may send, which would write over it. */
  inUse = false;
  #most = 0;
  #maxDepth = 0;
  /** How much room was missing. */
  #wanted = 0;

  /** Another body follows, of which `fixed` bytes stand between two looks at the limit. */
  begin(fixed: number, cost: number, { mostCost, maxDepth }: BodyLimits): void {
    if (this.buffer.length === 0 || fixed >= this.buffer.length / 2) this.#use(Math.max(usualBytes, fixed * 4));
    this.limit = this.buffer.length - fixed - spareBytes;
    this.cost = cost;
    this.#most = mostCost;
    this.#maxDepth = maxDepth;
    this.#wanted = 0;
  }

  /** Makes more room. @throws BusError `ERR_TOO_LARGE` where the body is over the limit in any case. */
  grow(maxBytes: number): void {
    const { length } = this.buffer;
    // A text of so many letters may take three times as many bytes.
    if (Math.max(length, this.#wanted) > maxBytes * 4 + usualBytes) throw tooLarge(maxBytes);
    this.#use(Math.max(length * 2, this.#wanted + length));
  }

  /** The body is whole. @throws BusError `ERR_TOO_LARGE`. */
  finish(length: number): void {
    this.length = length;
    if (this.cost > this.#most) throw tooCostly(this.#most);
  }

  /** What was written; a buffer that is larger than most bodies need goes with it. */
  taken(): WrittenBody {
    if (this.buffer.length <= largestKept) return this;
    const { buffer, view, length, cost } = this;
    this.buffer = nothing;
    return { buffer, view, length, cost };
  }

  /** Returns where it continues. */
  count(at: number, count: number): number {
    if (count >= 0x80) return this.#longCount(at, count);
    this.buffer[at] = count;
    return at + 1;
  }

  /** The same for a text; -1 where that does not fit. */
  text(at: number, text: string, isKey: boolean): number {
    const { buffer } = this;
    const { length } = text;
    this.#ensure(at, countBytes + length * 3);
    if (length <= shortText) {
      let end = at + 1;
      let letters = 0;
      for (let index = 0; index < length; index++) {
        const letter = text.charCodeAt(index);
        letters |= letter;
        buffer[end++] = letter;
      }
      if (letters < 0x80) {
        buffer[at] = length;
        this.cost += textCost(length, isKey);
        return end;
      }
    }
    const size = write(buffer, at + countBytes, text);
    if (size !== length && loneSurrogate.test(text)) return -1;
    this.cost += textCost(size, isKey);
    return this.#longCount(at, size) + size;
  }

  /** The same for binary data: its class, then its bytes. */
  bytes(at: number, value: unknown): number {
    const kind = classOf(value);
    if (kind < 0) return -1;
    const bytes = value as Uint8Array;
    this.#ensure(at, 1 + countBytes + bytes.length);
    this.buffer[at] = kind;
    const start = this.count(at + 1, bytes.length);
    this.buffer.set(bytes, start);
    return start + bytes.length;
  }

  /** The same for what is written as without a contract, within `depth` others. @throws BusError `ERR_UNENCODABLE`. */
  any(at: number, value: unknown, depth: number): number {
    const { buffer, start, end } = packer.pack(value, packed, 0, 0, this.#maxDepth - depth);
    this.#ensure(at, countBytes + end - start);
    const body = checkBody(buffer, start, end, this.#maxDepth - depth, undefined, 'ERR_UNENCODABLE', this.#most);
    this.cost += anyCost(buffer, start, end, body.cost);
    const from = this.count(at, end - start);
    this.buffer.set(buffer.subarray(start, end), from);
    return from + end - start;
  }

  #longCount(at: number, count: number): number {
    const { buffer } = this;
    buffer[at] = (count >>> 24) | 0x80;
    buffer[at + 1] = count >>> 16;
    buffer[at + 2] = count >>> 8;
    buffer[at + 3] = count;
    return at + countBytes;
  }

  #ensure(at: number, bytes: number): void {
    if (at + bytes <= this.limit) return;
    this.#wanted = at + bytes;
    throw full;
  }

  #use(bytes: number): void {
    this.buffer = allocate(bytes);
    this.view = new DataView(this.buffer.buffer, this.buffer.byteOffset, this.buffer.byteLength);
  }
}

const packer = new BodyPacker();
const packed = allocate(roomBytes * 4);
const encoder = new TextEncoder();

/** What an `any` costs besides the 1 of each value: as much more as it is read more slowly. */
export function anyCost(bytes: Uint8Array, start: number, end: number, cost: number): number {
  return holdsProto(bytes, start, end) ? cost * slowdown : cost;
}

/** The number of a class of binary data, as raw bodies have it; -1 for others. */
export function classOf(value: unknown): number {
  if (!(value instanceof Uint8Array)) return -1;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Uint8Array.prototype) return 2;
  return typeof Buffer === 'function' && prototype === Buffer.prototype ? 0 : -1;
}

function write(buffer: Uint8Array, at: number, text: string): number {
  if (typeof Buffer === 'function') return (buffer as Buffer).write(text, at, 'utf8');
  return encoder.encodeInto(text, buffer.subarray(at)).written;
}

function tooLarge(maxBytes: number): BusError {
  return new BusError('ERR_TOO_LARGE', `The message has over ${maxBytes} bytes, which is what the peer takes`);
}
