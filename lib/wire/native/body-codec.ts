import { Packr, Unpackr } from 'msgpackr';
import { platformBytes } from '../../base/bytes.ts';
import { BusError } from '../../base/errors.ts';
import { leastCost, slowdown } from '../codec/body-cost.ts';
import { misfit, unencodable } from '../codec/unencodable.ts';
import { holdsProto, CarefulReader } from './careful-reader.ts';
import { readFlat } from './flat-reader.ts';
import { writeFlat } from './flat-writer.ts';
import { checkBody, countDepthFrom, isToBeChecked, tooCostly, TooManyShapes } from './msgpack-check.ts';
import { guardShapes, Shapes, type ShapeTotals } from './shapes.ts';

// msgpackr's encode options: return the whole target with `start` and `end` set; leave room before the body.
const reuseBuffer = 512;
const reserveSpace = 2048;

/** What msgpackr needs free in its target before it starts. */
export const roomBytes = 0x800 + 64;

/**
 * msgpackr keeps one target for all its instances in the process, including the user's. After each frame, this full
 * buffer replaces it, so that other users of msgpackr start their own buffer and never write into our slab.
 */
const spent = typeof Buffer === 'function' ? Buffer.alloc(8_192) : new Uint8Array(8_192);

/** With one target in the process, a `toJSON` that sends would write over the body it is part of. */
const target = { inUse: false };

interface PackTarget extends Uint8Array {
  readonly start: number;
  readonly end: number;
}

interface TargetPackr {
  position: number;
  structures: object & { readonly nextId?: number };
  useBuffer(buffer: Uint8Array): void;
  pack(value: unknown, options: number): PackTarget;
}

/** Where a packed body ended up: in the slab given, or in a larger buffer of its own. */
export interface Packed {
  readonly buffer: Uint8Array;
  /** Where the body starts; at least `headroom` bytes before it are free. */
  readonly start: number;
  readonly end: number;
  /** Whether it may name records. */
  readonly records: boolean;
  /** What it costs to read, where that is much. */
  readonly cost: number;
  /** Whether it defines records; one that defines 64 of them may not say so. */
  readonly defines?: boolean;
}

/** Packs bodies straight into a slab. With `records`, object shapes are defined once and then named by one byte. */
export class BodyPacker {
  readonly #packr: TargetPackr;
  readonly #shapes: Shapes | undefined;
  /** Whether the body being packed holds data of classes that only extensions can carry. */
  #extended = false;
  /** Whether it holds what the packer's own types do not cover, which has to be looked at. */
  #isUnusual = false;
  #plain: BodyPacker | undefined;

  /** `totals`: of the shapes that all packers of a session define; without them none is defined. */
  constructor(totals?: ShapeTotals) {
    this.#shapes = totals === undefined ? undefined : new Shapes(totals, 1 / 2);
    const options = totals
      ? { sequential: true, mapsAsObjects: true }
      : { useRecords: false, mapsAsObjects: true, variableMapSize: true };
    const packr = new Packr(options);
    // Without it a typed array inside other data would travel as garbage, and a Set as an array. msgpackr asks for it
    // only when it meets one, and then writes subclasses of typed arrays too, which it cannot read.
    Object.defineProperty(packr, 'moreTypes', { get: () => (this.#extended = true) });
    // Asked for each Map it meets, and for each instance of a class.
    Object.defineProperty(packr, 'mapAsEmptyObject', { get: () => !(this.#isUnusual = true) });
    Object.defineProperty(packr, 'useToJSON', { get: () => (this.#isUnusual = true) });
    this.#packr = packr as unknown as TargetPackr;
  }

  /**
   * Packs `data` so that it starts at `at + headroom` of `slab`, which must have `roomBytes` free behind that.
   * @throws BusError `ERR_STATE` from inside data that is being packed, `ERR_UNENCODABLE`, or `ERR_TOO_LARGE` where it costs more
   * than `most` to read; as if it had not been packed.
   */
  pack(
    data: unknown,
    slab: Uint8Array,
    at: number,
    headroom: number,
    maxDepth: number = Number.POSITIVE_INFINITY,
    most: number = Number.POSITIVE_INFINITY,
  ): Packed {
    if (target.inUse) throw new BusError('ERR_STATE', 'Data that is being encoded cannot send');
    const flat = this.#shapes === undefined ? packFlat(data, slab, at + headroom) : undefined;
    if (flat !== undefined) return flat;
    const packr = this.#packr;
    // msgpackr aligns its start to 8; starting at or before `at` keeps the headroom if the body moves to a new buffer.
    const aligned = at & ~7;
    const reserved = at + headroom - aligned;
    packr.useBuffer(slab);
    packr.position = aligned;
    this.#extended = false;
    this.#isUnusual = false;
    target.inUse = true;
    let cost = 0;
    try {
      const shapesBefore = packr.structures?.nextId;
      const buffer = packr.pack(data, reuseBuffer | reserveSpace | reserved);
      const start = buffer.start + reserved;
      const { end } = buffer;
      const defines = packr.structures?.nextId !== shapesBefore;
      if (this.#extended || end - start > countDepthFrom || defines) {
        this.#shapes?.begin();
        ({ cost } = checkBody(buffer, start, end, maxDepth, this.#shapes, 'ERR_UNENCODABLE', most));
      }
      const reason = this.#isUnusual ? misfit(data) : undefined;
      if (reason !== undefined) throw new TypeError(reason);
      return { buffer, start, end, records: this.#shapes !== undefined, cost, defines };
    } catch (cause) {
      this.forget();
      // Its shapes are more than the peer would keep.
      if (cause instanceof TooManyShapes) return this.#packPlain(data, slab, at, headroom, maxDepth, most);
      throw unencodable(cause);
    } finally {
      target.inUse = false;
      packr.useBuffer(spent);
      packr.position = spent.length;
    }
  }

  /** What was packed last is not sent: the peer never sees the shapes it defined. */
  forget(): void {
    if (this.#shapes === undefined) return;
    this.#shapes.undo();
    this.#packr.structures = [];
  }

  #packPlain(data: unknown, slab: Uint8Array, at: number, headroom: number, maxDepth: number, most: number): Packed {
    target.inUse = false;
    this.#plain ??= new BodyPacker();
    return this.#plain.pack(data, slab, at, headroom, maxDepth, most);
  }
}

/** Undefined for what is not small and simple. */
function packFlat(data: unknown, slab: Uint8Array, start: number): Packed | undefined {
  target.inUse = true;
  try {
    const end = writeFlat(slab, start, Math.min(slab.length, start + countDepthFrom), data);
    return end < 0 ? undefined : { buffer: slab, start, end, records: false, cost: 0, defines: false };
  } catch {
    // What a getter throws is thrown once more by it.
    return undefined;
  } finally {
    target.inUse = false;
  }
}

const plainPackr = new Packr({ useRecords: false, variableMapSize: true });

/**
 * Packs plain MessagePack, as others than busbar read it: bytes as `bin`, sets and errors as lists.
 * @throws BusError `ERR_UNENCODABLE`.
 */
export function packPlain(value: unknown): Uint8Array {
  try {
    const bytes = plainPackr.pack(value);
    const reason = misfit(value);
    if (reason !== undefined) throw new TypeError(reason);
    return bytes;
  } catch (cause) {
    throw unencodable(cause);
  }
}

interface RangeUnpackr {
  /** The shapes that were defined, by their number. */
  structures: string[][];
  unpack(source: Uint8Array, range: { start: number; end: number }): unknown;
}

/**
 * Bodies up to this are read from a buffer of our own: msgpackr prepares every new source first, which costs more than
 * moving so few bytes.
 */
const scratchBytes = 256;

/** Where one body is not simple, this number of others is not tried. */
const notFlat = 15;

/** How many definitions a reader makes code for from the start, and after how many bytes for one more. */
const firstCodes = 256;
const bytesForCode = 16_384;
/** A shape counts one more for each of this many keys. */
const keysOfCode = 16;

const readOptions = { mapsAsObjects: true, copyBuffers: true, structuredClone: false };

/**
 * Reads what a `BodyPacker` of the same kind wrote, frame by frame in the same order. msgpackr puts the value of a key
 * `__proto__` under `__proto_`; a body that may have one is read by a reader that drops it.
 */
export class BodyReader {
  readonly #unpackr: RangeUnpackr;
  readonly #range = { start: 0, end: 0 };
  #careful: CarefulReader | undefined;
  readonly #scratch = typeof Buffer === 'function' ? Buffer.alloc(scratchBytes) : new Uint8Array(scratchBytes);

  readonly #shapes: Shapes | undefined;
  /** How many more definitions code may be made for. */
  #codes = firstCodes;
  /** How many more go to msgpackr without a try. */
  #unflat = 0;

  /** As `BodyPacker`. */
  constructor(totals?: ShapeTotals) {
    this.#shapes = totals === undefined ? undefined : new Shapes(totals);
    const options = totals
      ? { sequential: true, structures: [], maxSharedStructures: 0, ...readOptions }
      : { useRecords: false, ...readOptions };
    this.#unpackr = new Unpackr(options) as unknown as RangeUnpackr;
  }

  /**
   * @throws BusError `ERR_PROTOCOL` when the bytes are not a value, are more than one, or what no end writes, and `ERR_TOO_LARGE` where
   * they cost more than `most` to read.
   */
  read(
    bytes: Uint8Array,
    start: number,
    end: number,
    maxDepth: number = Number.POSITIVE_INFINITY,
    most: number = leastCost,
  ): unknown {
    const range = this.#range;
    const size = end - start;
    if (this.#shapes === undefined && size <= countDepthFrom && --this.#unflat < 0) {
      const value = readFlat(bytes, start, end);
      if (value !== undefined) return value;
      this.#unflat = notFlat;
    }
    let source = bytes;
    if (size > 0 && size <= scratchBytes) {
      source = this.#scratch;
      for (let at = 0; at < size; at++) source[at] = bytes[start + at] as number;
      range.start = 0;
      range.end = size;
    } else {
      // Binary data inside other data is read as what the source is, and is to be a `Buffer` however its frame came.
      source = platformBytes(bytes);
      range.start = start;
      range.end = end;
    }
    if (isToBeChecked(source, range.start, range.end)) return this.#readChecked(source, maxDepth, most);
    try {
      const isPlain = this.#careful?.isNeeded !== true && !holdsProto(source, range.start, range.end);
      return isPlain ? this.#unpackr.unpack(source, range) : this.#unpack(source, true);
    } catch (cause) {
      throw invalid(cause);
    }
  }

  #readChecked(source: Uint8Array, maxDepth: number, most: number): unknown {
    const shapes = this.#shapes;
    const { start, end } = this.#range;
    shapes?.begin();
    try {
      const { needsCare: isMisread, cost } = checkBody(source, start, end, maxDepth, shapes, 'ERR_PROTOCOL', most);
      const needsCare = isMisread || this.#careful?.isNeeded === true || holdsProto(source, start, end);
      if (needsCare && cost > most / slowdown) throw tooCostly(most / slowdown);
      if (shapes === undefined) return this.#unpack(source, needsCare);
      this.#codes = Math.min(firstCodes, this.#codes + (end - start) / bytesForCode);
      const codes = shapes.added + shapes.addedKeys / keysOfCode;
      if (codes > this.#codes) return guardShapes(this.#unpackr, () => this.#unpack(source, needsCare));
      this.#codes -= codes;
      return this.#unpack(source, needsCare);
    } catch (cause) {
      shapes?.undo();
      throw cause instanceof BusError ? cause : invalid(cause);
    }
  }

  #unpack(source: Uint8Array, needsCare: boolean): unknown {
    const { start, end } = this.#range;
    if (needsCare) {
      this.#careful ??= new CarefulReader(this.#shapes === undefined ? undefined : this.#unpackr);
      return this.#careful.read(source, start, end);
    }
    return this.#unpackr.unpack(source, this.#range);
  }
}

function invalid(cause: unknown): BusError {
  return new BusError('ERR_PROTOCOL', 'A body is not valid MessagePack', { cause });
}
