import { asBuffer } from '../base/bytes.ts';
import { BusError } from '../base/errors.ts';
import { cost, manyKeys, textCost } from '../wire/codec/body-cost.ts';
import type { BodyLimits } from '../wire/contracts.ts';
import { BodyReader } from '../wire/native/body-codec.ts';
import { checkBody, tooCostly } from '../wire/native/msgpack-check.ts';
import { rawValue } from '../wire/native/raw-body.ts';
import { anyCost } from './scratch.ts';

const longestInline = 16;
/** What is longer is not kept in case that the next body stands in it too. */
const keptBytes = 131_072;

/** Where a body is read: the bytes, how far it is read, and what that has cost. */
export class Source {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  at = 0;
  end = 0;
  #cost = 0;
  #most = 0;
  #maxDepth = 0;

  begin(bytes: Uint8Array, start: number, end: number, cost: number, { mostCost, maxDepth }: BodyLimits): void {
    if (bytes !== this.bytes) this.#use(bytes);
    this.at = start;
    this.end = end;
    this.#cost = cost;
    this.#most = mostCost;
    this.#maxDepth = maxDepth;
  }

  /** The body was read, or cannot be. */
  finish(): void {
    if (this.bytes.length > keptBytes) this.#use(nothing);
  }

  /** @throws BusError `ERR_PROTOCOL` unless this many bytes are left. */
  need(bytes: number): void {
    if (this.end - this.at < bytes) refuse();
  }

  /** One byte, at most `most`. */
  byte(most: number): number {
    this.need(1);
    const byte = this.bytes[this.at++] as number;
    return byte > most ? refuse() : byte;
  }

  count(): number {
    this.need(1);
    const { bytes, at } = this;
    const first = bytes[at] as number;
    if (first < 0x80) {
      this.at = at + 1;
      return first;
    }
    this.need(4);
    this.at = at + 4;
    return (
      ((first & 0x7f) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)
    );
  }

  /** How many elements follow, of which each takes `least` bytes and costs `each` at the least. */
  elements(least: number, each: number): number {
    const count = this.count();
    if (count > (this.end - this.at) / least) refuse();
    this.spend(count * each);
    return count;
  }

  /** The same for entries of a map. */
  entries(least: number, each: number): number {
    const count = this.elements(least + 1, each);
    if (count > manyKeys) this.spend(count * cost.key);
    return count;
  }

  text(isKey: boolean): string {
    const size = this.count();
    this.need(size);
    const { bytes, at } = this;
    const end = at + size;
    this.at = end;
    this.spend(textCost(size, isKey));
    return size <= longestInline ? letters(bytes, at, end) : utf8(bytes, at, end);
  }

  data(): unknown {
    const kind = this.byte(2);
    if (kind === 1) refuse();
    const size = this.count();
    this.need(size);
    const start = this.at;
    this.at += size;
    return rawValue(kind, new Uint8Array(this.bytes.subarray(start, this.at)));
  }

  /** What was written as without a contract, within `depth` others. */
  any(depth: number): unknown {
    const size = this.count();
    this.need(size);
    const { bytes, at } = this;
    const end = at + size;
    this.at = end;
    const maxDepth = this.#maxDepth - depth;
    const { cost: own } = checkBody(bytes, at, end, maxDepth, undefined, 'ERR_PROTOCOL', this.#most);
    this.spend(anyCost(bytes, at, end, own));
    return reader.read(bytes, at, end, maxDepth, Number.POSITIVE_INFINITY);
  }

  /** @throws BusError `ERR_TOO_LARGE` where the body costs more to read than it may. */
  spend(cost: number): void {
    this.#cost += cost;
    if (this.#cost > this.#most) throw tooCostly(this.#most);
  }

  #use(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

const nothing = new Uint8Array(0);
const reader = new BodyReader();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A short text, which is quicker made letter by letter. */
function letters(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const a = bytes[at] as number;
    const b = bytes[at + 1] as number;
    const c = bytes[at + 2] as number;
    const d = bytes[at + 3] as number;
    if ((a | b | c | d) > 0x7f) return utf8(bytes, start, end);
    text += String.fromCharCode(a, b, c, d);
  }
  for (; at < end; at++) {
    const letter = bytes[at] as number;
    if (letter > 0x7f) return utf8(bytes, start, end);
    text += String.fromCharCode(letter);
  }
  return text;
}

function utf8(bytes: Uint8Array, start: number, end: number): string {
  if (typeof Buffer === 'function') return asBuffer(bytes).toString('utf8', start, end);
  return decoder.decode(bytes.subarray(start, end));
}

/** @throws BusError `ERR_PROTOCOL`. */
export function refuse(): never {
  throw new BusError('ERR_PROTOCOL', 'A body is not what its contract says');
}
