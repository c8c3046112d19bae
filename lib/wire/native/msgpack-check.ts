import { BusError, type ErrorCode } from '../../base/errors.ts';
import { bigBytes, cost, leastCost, manyKeys, textCost } from '../codec/body-cost.ts';

/** For the tokens 0xc0 to 0xdf: bytes of the value itself, and bytes of the count before it. */
const fixedBytes = [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17, 0, 0, 0, 0, 0, 0, 0];
const countBytes = [0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4];

/** Bodies up to this cannot nest deeply enough to hurt: their depth does not count. */
export const countDepthFrom = 4_096;

/** The types of extensions that are written; those of one byte stand before the list that they make something of. */
const ext = {
  undefined: 0,
  bigint: 0x42,
  error: 0x65,
  record: 0x72,
  set: 0x73,
  binary: 0x74,
  regExp: 0x78,
  date: 0xff,
};
const arrayBuffer = 16;
const dataView = 17;
const lastTypedArray = 10;

/** For each token, how many bytes stand between it and the next one; or one of the following. */
const skips = new Int8Array(256);
const counted = -1;
const suspect = -2;
for (let length = 0; length < 32; length++) skips[0xa0 + length] = length;
for (let index = 0; index < 32; index++) {
  const isContainer = index >= 0x1c;
  const count = countBytes[index] as number;
  skips[0xc0 + index] = count > 0 && !isContainer ? counted : count + (fixedBytes[index] as number);
}
for (const token of [0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8]) skips[token] = suspect;

/** Whether a body needs `checkBody`: it has an extension, or may nest too deep. */
export function isToBeChecked(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > countDepthFrom) return true;
  for (let at = start; at < end; ) {
    const token = bytes[at] as number;
    const skip = skips[token] as number;
    at += 1;
    if (skip >= 0) {
      at += skip;
    } else {
      if (skip === suspect) return true;
      let count = 0;
      for (let left = countBytes[token - 0xc0] as number; left > 0; left--) count = count * 256 + (bytes[at++] ?? 0);
      at += count;
    }
  }
  return false;
}

/** The record definitions that bodies refer to. */
export interface KnownShapes {
  /** How many values follow the name of shape `id`; 0 where there is none. */
  keysOf(id: number): number;
  /** Its keys stand from `start` to `end`. False where that is more than all shapes may take. */
  define(id: number, keys: number, start: number, end: number): boolean;
}

/** There are more record definitions in a body than may be. */
export class TooManyShapes extends BusError {
  constructor() {
    super('ERR_PROTOCOL', 'The record definitions of a session exceed their limit');
  }
}

const { value: perValue, container: perContainer } = cost;

/** Walks over one MessagePack body, token by token, and builds nothing. */
class BodyWalk {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #maxDepth: number;
  readonly #code: ErrorCode;
  readonly #shapes: KnownShapes | undefined;
  readonly #mostCost: number;
  #at: number;
  /** As of `cost`. */
  cost = 0;
  /** Whether it holds an error that msgpackr reads wrongly. */
  needsCare = false;

  constructor(
    bytes: Uint8Array,
    start: number,
    end: number,
    maxDepth: number,
    shapes: KnownShapes | undefined,
    code: ErrorCode,
    mostCost: number,
  ) {
    this.#mostCost = mostCost;
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#maxDepth = end - start > countDepthFrom ? maxDepth : Number.POSITIVE_INFINITY;
    this.#shapes = shapes;
    this.#code = code;
  }

  walk(): void {
    const bytes = this.#bytes;
    const shapes = this.#shapes;
    // One counter of values still to come for each open container.
    const open: number[] = [];
    /** Whether it is a map, in which every other value is a key. */
    const isMap: boolean[] = [];
    const most = this.#mostCost;
    let sum = 0;
    while (this.#at < this.#end) {
      const token = bytes[this.#at] as number;
      this.#at += 1;
      let children = 0;
      sum += perValue;
      if (token < 0x80) {
        if (token >= 0x40 && shapes !== undefined) children = shapes.keysOf(token & 0x3f);
      } else if (token < 0xa0) {
        sum += perContainer;
        children = token < 0x90 ? (token & 0xf) * 2 : token & 0xf;
      } else if (token < 0xc0) {
        const length = token & 0x1f;
        const last = open.length - 1;
        sum += textCost(length, isMap[last] === true && (open[last] as number) % 2 === 0);
        this.#at += length;
      } else if (token < 0xe0) {
        children = this.#long(token);
        sum += this.cost;
        this.cost = 0;
      }
      if (sum > most) throw tooCostly(most);
      // A mark belongs to the list behind it.
      if (children < 0) continue;
      if (children > 0) {
        open.push(children);
        isMap.push((token >= 0x80 && token < 0x90) || token >= 0xde);
        if (open.length > this.#maxDepth) this.#refuse(`nests deeper than ${this.#maxDepth} levels`);
        continue;
      }
      for (let last = open.length - 1; last >= 0; last--) {
        const left = (open[last] as number) - 1;
        if (left > 0) {
          open[last] = left;
          break;
        }
        open.pop();
        isMap.pop();
      }
    }
    this.cost = sum;
  }

  /** How many values follow that belong to the one that begins with `token`; -1 where it continues with the next token. */
  #long(token: number): number {
    if (token === 0xc1) this.#refuse('contains an unused token');
    const count = this.#count(countBytes[token - 0xc0] as number);
    if (token >= 0xdc) {
      this.cost += cost.container;
      if (token < 0xde) return count;
      if (count > manyKeys) this.cost += count * cost.key;
      return count * 2;
    }
    const isExtension = (token >= 0xc7 && token <= 0xc9) || (token >= 0xd4 && token <= 0xd8);
    if (isExtension) {
      const size = token >= 0xd4 ? 1 << (token - 0xd4) : count;
      return this.#extension(size, token === 0xd4);
    }
    if (token <= 0xc6) this.cost += token >= 0xc4 ? cost.object : 0;
    else if (token === 0xcf || token === 0xd3) this.cost += cost.longNumber;
    else if (token === 0xca || token === 0xcb || token === 0xce) this.cost += cost.float;
    else if (token >= 0xd9) this.cost += textCost(count, false);
    this.#at += (fixedBytes[token - 0xc0] as number) + count;
    return 0;
  }

  /** `isMark`: it has one byte, by the token for that. */
  #extension(size: number, isMark: boolean): number {
    const type = this.#byte();
    const first = this.#bytes[this.#at] ?? 0;
    this.#at += size;
    if (type !== ext.undefined) this.cost += cost.object;
    if (type === ext.bigint) this.cost += Math.floor(size / bigBytes);
    if (type === ext.date && (size === 4 || size === 8 || size === 12 || size === 1)) return 0;
    if (type === ext.bigint) return 0;
    if (type === ext.binary && (first <= lastTypedArray || first === arrayBuffer || first === dataView)) return 0;
    if (isMark) {
      if (type === ext.undefined) return 0;
      if (type === ext.record && this.#shapes !== undefined) return this.#definition(first & 0x3f, this.#shapes);
      if ((type === ext.set || type === ext.regExp || type === ext.error) && this.#isList) {
        this.#countMarked(type);
        if (type === ext.error) this.#checkName();
        return -1;
      }
    }
    this.#refuse(`contains an extension of type ${type}, which is not allowed there`);
  }

  #definition(id: number, shapes: KnownShapes): number {
    if (!this.#isList) this.#refuse('defines a record without its keys');
    const keys = this.#listLength();
    const start = this.#at;
    for (let key = 0; key < keys; key++) {
      if (this.#at >= this.#end) this.#refuse('ends inside a record definition');
      const length = this.#textLength();
      this.#at += length;
    }
    if (!shapes.define(id, keys, start, this.#at)) throw new TooManyShapes();
    return keys;
  }

  /** What the list that is here costs more for what is made of it. */
  #countMarked(type: number): void {
    const at = this.#at;
    if (type === ext.set) this.cost += this.#listLength() * cost.member;
    else this.cost += type === ext.error ? cost.error : cost.regExp;
    this.#at = at;
  }

  /** The name of an error is one of a table at the reader, where nothing is to be found but errors. */
  #checkName(): void {
    const at = this.#at;
    const length = this.#listLength();
    const bytes = length > 0 ? this.#textLength() : 0;
    let name = '';
    if (bytes <= longestInherited) {
      for (let index = 0; index < bytes; index++) name += String.fromCharCode(this.#bytes[this.#at + index] ?? 0);
    }
    if (length === 0 || name in Object.prototype) this.#refuse('contains an error with an invalid name');
    // It would take the message for the list of errors.
    if (name === 'AggregateError') this.needsCare = true;
    this.#at = at;
  }

  get #isList(): boolean {
    const token = this.#bytes[this.#at] ?? 0;
    return (token >= 0x90 && token < 0xa0) || token === 0xdc || token === 0xdd;
  }

  #listLength(): number {
    const token = this.#byte();
    return token < 0xa0 ? token & 0xf : this.#count(token === 0xdc ? 2 : 4);
  }

  /** The bytes of the text that begins here, which follow. */
  #textLength(): number {
    const token = this.#byte();
    if (token >= 0xa0 && token < 0xc0) return token & 0x1f;
    if (token >= 0xd9 && token <= 0xdb) return this.#count(1 << (token - 0xd9));
    return this.#refuse('contains a name that is not text');
  }

  #count(width: number): number {
    let count = 0;
    for (let left = width; left > 0; left--) count = count * 256 + this.#byte();
    return count;
  }

  #byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  #refuse(why: string): never {
    throw new BusError(this.#code, `A body ${why}`);
  }
}

export function tooCostly(most: number): BusError {
  const text = `A body has too many values: they cost more than ${most} units, as docs/protocol.md counts them`;
  return new BusError('ERR_TOO_LARGE', text);
}

/** No name that an object has by birth is longer. */
const longestInherited = 32;

/**
 * Refuses a MessagePack body that no end writes, before anything is built of it: one with extensions other than
 * ours, with record definitions where `shapes` is absent or that take more than they may, or that nests deeper than
 * `maxDepth`. A record is one level, as a map is.
 * `needsCare` of what it returns: msgpackr would read it wrongly.
 * @throws BusError `code`, `TooManyShapes`, or `ERR_TOO_LARGE` for one that costs more than `most` to read.
 */
export function checkBody(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxDepth: number,
  shapes: KnownShapes | undefined,
  code: ErrorCode = 'ERR_PROTOCOL',
  most: number = leastCost,
): { readonly needsCare: boolean; readonly cost: number } {
  const body = new BodyWalk(bytes, start, end, maxDepth, shapes, code, most);
  body.walk();
  return body;
}
