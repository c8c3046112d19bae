import { Packr, Unpackr } from 'msgpackr';
import { BusError } from '../../base/errors.ts';
import { textOf } from '../../base/text-of.ts';
import { misfit } from '../codec/misfit.ts';
import { holdsProto } from '../codec/proto-key.ts';
import { holdsUnknownArray } from './msgpack-arrays.ts';
import { CarefulReader } from './careful-reader.ts';

// msgpackr's encode options: return the whole target with `start` and `end` set; leave room before the body.
const reuseBuffer = 512;
const reserveSpace = 2048;

/** What msgpackr needs free in its target before it starts. */
export const roomBytes = 0x800 + 64;

/**
 * msgpackr keeps one target for all its instances in the process, the user's own among them. After each frame it is left
 * with this full buffer, so that whoever packs next starts a buffer of his own and never in a slab of ours.
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
  structures: unknown;
  useBuffer(buffer: Uint8Array): void;
  pack(value: unknown, options: number): PackTarget;
}

/** Where a packed body ended up: in the slab given, or in a larger buffer of its own. */
export interface Packed {
  readonly buffer: Uint8Array;
  /** Where the body starts; at least `headroom` bytes before it are free. */
  readonly start: number;
  readonly end: number;
}

/** Packs bodies straight into a slab. With `records`, object shapes are defined once and then named by one byte. */
export class BodyPacker {
  readonly #packr: TargetPackr;
  readonly #records: boolean;
  /** Whether the body being packed holds data of classes that only extensions can carry. */
  #extended = false;
  /** Whether it holds what the packer's own types do not cover, which has to be looked at. */
  #isUnusual = false;

  constructor(records: boolean) {
    this.#records = records;
    const options = records
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
   * @throws BusError `ERR_STATE` from inside data that is being packed, or `ERR_UNENCODABLE`; the records are then defined anew, as the peer may have missed some.
   */
  pack(data: unknown, slab: Uint8Array, at: number, headroom: number): Packed {
    if (target.inUse) throw new BusError('ERR_STATE', 'Data that is being encoded cannot send');
    const packr = this.#packr;
    // msgpackr aligns its start to 8; starting at or before `at` keeps the headroom if the body moves to a new buffer.
    const aligned = at & ~7;
    const reserved = at + headroom - aligned;
    packr.useBuffer(slab);
    packr.position = aligned;
    this.#extended = false;
    this.#isUnusual = false;
    target.inUse = true;
    try {
      const buffer = packr.pack(data, reuseBuffer | reserveSpace | reserved);
      const packed = { buffer, start: buffer.start + reserved, end: buffer.end };
      if (this.#extended && holdsUnknownArray(buffer, packed.start, packed.end)) {
        throw new TypeError('it holds a kind of typed array that cannot travel');
      }
      const reason = this.#isUnusual ? misfit(data) : undefined;
      if (reason !== undefined) throw new TypeError(reason);
      return packed;
    } catch (cause) {
      if (this.#records) packr.structures = [];
      const message = textOf(cause);
      throw new BusError('ERR_UNENCODABLE', `The data cannot be encoded: ${message}`, { cause });
    } finally {
      target.inUse = false;
      packr.useBuffer(spent);
      packr.position = spent.length;
    }
  }
}

interface RangeUnpackr {
  /** The shapes that were defined, by their number. */
  readonly structures?: string[][];
  unpack(source: Uint8Array, range: { start: number; end: number }): unknown;
}

/**
 * Bodies up to this are read from a buffer of our own: msgpackr prepares every new source first, which costs more than
 * moving so few bytes.
 */
const scratchBytes = 256;

/**
 * Reads what a `BodyPacker` of the same kind wrote, frame by frame in the same order. msgpackr puts the value of a key
 * `__proto__` under `__proto_`; a body that may have one is read by a reader that drops it.
 */
export class BodyReader {
  readonly #unpackr: RangeUnpackr;
  readonly #range = { start: 0, end: 0 };
  #careful: CarefulReader | undefined;
  readonly #scratch = typeof Buffer === 'function' ? Buffer.alloc(scratchBytes) : new Uint8Array(scratchBytes);

  constructor(records: boolean) {
    const options = records
      ? { sequential: true, mapsAsObjects: true, copyBuffers: true, structuredClone: false }
      : { useRecords: false, mapsAsObjects: true, copyBuffers: true, structuredClone: false };
    this.#unpackr = new Unpackr(options);
  }

  /** @throws BusError `ERR_PROTOCOL` when the bytes are no value, or more than one. */
  read(bytes: Uint8Array, start: number, end: number): unknown {
    const range = this.#range;
    const size = end - start;
    let source = bytes;
    if (size > 0 && size <= scratchBytes) {
      source = this.#scratch;
      for (let at = 0; at < size; at++) source[at] = bytes[start + at] as number;
      range.start = 0;
      range.end = size;
    } else {
      range.start = start;
      range.end = end;
    }
    try {
      if (this.#careful?.isNeeded === true || holdsProto(source, range.start, range.end)) {
        this.#careful ??= new CarefulReader(this.#unpackr.structures);
        return this.#careful.read(source, range.start, range.end);
      }
      return this.#unpackr.unpack(source, range);
    } catch (cause) {
      throw new BusError('ERR_PROTOCOL', 'A body is not valid MessagePack', { cause });
    }
  }
}
