import { asBuffer } from '../../base/bytes.ts';
import { BusError } from '../../base/errors.ts';
import { toJson } from '../codec/json.ts';
import { holdsProto, CarefulReader } from '../native/careful-reader.ts';
import { unencodable } from '../codec/unencodable.ts';
import type { RemoteFailure, RequestId } from '../frames.ts';
import { BodyPacker, type Packed, roomBytes } from '../native/body-codec.ts';
import type { Slab } from '../../base/slab.ts';
import type { PacketType } from './packet.ts';

/** Where a body was put; `headroom` bytes before `start` are free. */
export interface Body {
  readonly buffer: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Turns packets into bodies in one codec. */
export interface BodyComposer {
  /**
   * Puts the body behind `slab.position` and `headroom` without moving the position, or into a buffer that nobody else
   * holds. Members that are undefined are left out. Throws `ERR_UNENCODABLE`, and `ERR_TOO_LARGE` where that is cheap to tell.
   */
  compose(
    slab: Slab,
    headroom: number,
    type: PacketType,
    data: unknown,
    nonce: RequestId | undefined,
    error: RemoteFailure | undefined,
  ): Body;
}

export function tooLarge(size: number, limit: number): BusError {
  return new BusError('ERR_TOO_LARGE', `The message has ${size} bytes; ${limit} are allowed`);
}

/** Longer texts are measured before they are written; shorter ones get the room they could take at most. */
const measureFrom = 8_192;

/** JSON bodies. A value that JSON has no text for, such as a function, cannot be encoded. */
export class JsonBody implements BodyComposer {
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  compose(
    slab: Slab,
    headroom: number,
    type: PacketType,
    data: unknown,
    nonce: RequestId | undefined,
    error: RemoteFailure | undefined,
  ): Body {
    const text = stringify(type, data, nonce, error);
    const room = text.length < measureFrom ? text.length * 3 : Buffer.byteLength(text);
    if (text.length > this.#maxBytes) throw tooLarge(text.length, this.#maxBytes);
    slab.ensure(headroom + room);
    const buffer = asBuffer(slab.buffer);
    const start = slab.position + headroom;
    return { buffer: slab.buffer, start, end: start + buffer.write(text, start, 'utf8') };
  }
}

/** How the packet of each type begins, up to its data. */
const heads: readonly string[] = Array.from({ length: 7 }, (_, type) => `{"t":${type},"d":`);

function stringify(type: PacketType, data: unknown, nonce: RequestId | undefined, error?: RemoteFailure): string {
  try {
    let text = data === undefined ? `{"t":${type}` : (heads[type] ?? '') + json(data);
    if (error) text += `,"e":${json(error)}`;
    return nonce === undefined ? `${text}}` : `${text},"n":${JSON.stringify(nonce)}}`;
  } catch (cause) {
    throw unencodable(cause);
  }
}

function json(data: unknown): string {
  const text = toJson(data);
  if (text === undefined) throw new TypeError(`JSON has no ${typeof data}`);
  return text;
}

/** Larger binary data skips the packer, which would first make itself a buffer four times its size. */
const directFrom = 4_096;
const binaryHeaderBytes = 5;
const longestPlainNonce = 31;

/** MessagePack bodies: the members are written by hand around the packed data. */
export class MessagePackBody implements BodyComposer {
  readonly #packer = new BodyPacker();
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  compose(
    slab: Slab,
    headroom: number,
    type: PacketType,
    data: unknown,
    nonce: RequestId | undefined,
    error: RemoteFailure | undefined,
  ): Body {
    if (typeof data === 'function') throw unencodable(new TypeError('MessagePack has no function'));
    if (error || (nonce !== undefined && !isPlain(nonce))) {
      return this.#composeWhole(slab, headroom, { t: type, d: data, n: nonce, e: error });
    }
    const head = 4 + (data === undefined ? 0 : 2) + (nonce === undefined ? 0 : 3 + nonce.length);
    return this.#composeMembers(slab, headroom, head, type, data, nonce);
  }

  #composeMembers(
    slab: Slab,
    headroom: number,
    head: number,
    type: PacketType,
    data: unknown,
    nonce: string | undefined,
  ): Body {
    if (data === undefined) {
      slab.ensure(headroom + head);
      const start = slab.position + headroom;
      writeMembers(slab.buffer, start, type, nonce, false);
      return { buffer: slab.buffer, start, end: start + head };
    }
    if (data instanceof Uint8Array && data.length >= directFrom) {
      const size = head + binaryHeaderBytes + data.length;
      if (size > this.#maxBytes) throw tooLarge(size, this.#maxBytes);
      slab.ensure(headroom + size);
      const start = slab.position + headroom;
      const at = writeMembers(slab.buffer, start, type, nonce, true);
      writeBinary(slab.buffer, at, data);
      return { buffer: slab.buffer, start, end: start + size };
    }
    slab.ensure(headroom + head + roomBytes);
    const packed = this.#pack(data, slab, headroom + head);
    const start = packed.start - head;
    writeMembers(packed.buffer, start, type, nonce, true);
    return { buffer: packed.buffer, start, end: packed.end };
  }

  #composeWhole(slab: Slab, headroom: number, packet: { t: PacketType; d?: unknown; n?: unknown; e?: unknown }): Body {
    if (packet.d === undefined) delete packet.d;
    if (packet.n === undefined) delete packet.n;
    if (packet.e === undefined) delete packet.e;
    slab.ensure(headroom + roomBytes);
    return this.#pack(packet, slab, headroom);
  }

  /** Leaves keys `__proto__` out: under what name net-ipc's reader keeps them is no matter of theirs. */
  #pack(data: unknown, slab: Slab, headroom: number): Packed {
    slab.isLent = true;
    let packed: Packed;
    try {
      packed = this.#packer.pack(data, slab.buffer, slab.position, headroom);
    } finally {
      slab.isLent = false;
    }
    if (!holdsProto(packed.buffer, packed.start, packed.end)) return packed;
    const bytes = new Uint8Array(packed.buffer.subarray(packed.start, packed.end));
    const without = new CarefulReader(undefined).read(bytes, 0, bytes.length);
    return this.#packer.pack(without, slab.buffer, slab.position, headroom);
  }
}

/** Whether the nonce is what everybody makes: a short string of ASCII. */
function isPlain(nonce: RequestId): nonce is string {
  if (typeof nonce !== 'string' || nonce.length > longestPlainNonce) return false;
  for (let index = 0; index < nonce.length; index++) {
    if (nonce.charCodeAt(index) > 0x7f) return false;
  }
  return true;
}

/** Writes the map's head, `t`, `n` and, if there is data, the key `d`; returns where the data goes. */
function writeMembers(
  target: Uint8Array,
  start: number,
  type: PacketType,
  nonce: string | undefined,
  hasData: boolean,
): number {
  let at = start;
  target[at++] = 0x81 + (nonce === undefined ? 0 : 1) + (hasData ? 1 : 0);
  at = writeKey(target, at, 0x74);
  target[at++] = type;
  if (nonce !== undefined) {
    at = writeKey(target, at, 0x6e);
    target[at++] = 0xa0 | nonce.length;
    for (let index = 0; index < nonce.length; index++) target[at++] = nonce.charCodeAt(index);
  }
  return hasData ? writeKey(target, at, 0x64) : at;
}

function writeKey(target: Uint8Array, at: number, letter: number): number {
  target[at] = 0xa1;
  target[at + 1] = letter;
  return at + 2;
}

function writeBinary(target: Uint8Array, at: number, data: Uint8Array): void {
  const { length } = data;
  target[at] = 0xc6;
  target[at + 1] = length >>> 24;
  target[at + 2] = length >>> 16;
  target[at + 3] = length >>> 8;
  target[at + 4] = length;
  target.set(data, at + binaryHeaderBytes);
}
