import { BusError } from '../../base/errors.ts';
import { jsonExceedsDepth, parseJson, toJson } from '../codec/json.ts';
import { unencodable } from '../codec/unencodable.ts';
import { readTag, tagWidth, writeTag } from '../net-ipc/packet.ts';

const textEncoder = new TextEncoder();

/** What a link may cost before it is open. */
export interface HandshakeLimits {
  /** Bytes taken from the peer in all, the HTTP head included. */
  readonly maxBytes?: number;
  readonly maxDepth?: number;
}

export const defaultHandshakeBytes = 65_536;
export const defaultHandshakeDepth = 64;

/** One packet as the handshake writes it: plain JSON behind a tag. Throws `ERR_UNENCODABLE`. */
export function plainPacket(type: number, data: unknown, prefix = ''): Uint8Array {
  let text: string | undefined;
  try {
    text = toJson({ t: type, d: data });
  } catch (error) {
    throw unencodable(error);
  }
  return tagged(textEncoder.encode(text), prefix);
}

/** A body behind its tag, and both behind `prefix`. */
export function tagged(body: Uint8Array, prefix = ''): Uint8Array {
  const width = tagWidth(body.length);
  const bytes = new Uint8Array(prefix.length + width + body.length);
  textEncoder.encodeInto(prefix, bytes);
  writeTag(bytes, prefix.length, body.length, width);
  bytes.set(body, prefix.length + width);
  return bytes;
}

export interface PlainPacket {
  readonly type: number;
  readonly data: unknown;
  /** Where the packet ended. */
  readonly end: number;
}

/** Reads one plain packet at `at`; undefined while it is not all there. Throws `ERR_PROTOCOL` and `ERR_TOO_LARGE`. */
export function readPlainPacket(
  bytes: Uint8Array,
  at: number,
  maxBytes: number,
  maxDepth: number,
): PlainPacket | undefined {
  const tag = readTag(bytes, at, bytes.length);
  if (tag === 0) return undefined;
  if (tag < 0) throw new BusError('ERR_PROTOCOL', 'The length in front of the handshake packet is too long');
  const start = at + (tag & 7);
  const end = start + Math.floor(tag / 8);
  if (end > maxBytes) {
    throw new BusError('ERR_TOO_LARGE', `The handshake takes ${end} bytes; ${maxBytes} are allowed`);
  }
  if (end > bytes.length) return undefined;
  if (jsonExceedsDepth(bytes, start, end, maxDepth)) {
    throw new BusError('ERR_PROTOCOL', `The handshake packet is nested deeper than ${maxDepth}`);
  }
  let packet: unknown;
  try {
    packet = parseJson(new TextDecoder().decode(bytes.subarray(start, end)));
  } catch (error) {
    throw new BusError('ERR_PROTOCOL', 'The handshake packet is not JSON', { cause: error });
  }
  if (typeof packet !== 'object' || packet === null || !('t' in packet) || typeof packet.t !== 'number') {
    throw new BusError('ERR_PROTOCOL', 'The handshake packet has no type');
  }
  return { type: packet.t, data: 'd' in packet ? packet.d : undefined, end };
}

/** The bytes of a handshake so far, in one piece and under one limit. */
export class HandshakeBuffer {
  readonly #maxBytes: number;
  #buffer = new Uint8Array(0);
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Everything held. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Holds a copy of `bytes` too. Throws `ERR_TOO_LARGE`, holding nothing new, when that passes the limit. */
  push(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#maxBytes) {
      throw new BusError('ERR_TOO_LARGE', `More than ${this.#maxBytes} bytes arrived before the link was open`);
    }
    if (length > this.#buffer.length) {
      const grown = new Uint8Array(Math.min(this.#maxBytes, Math.max(length, this.#buffer.length * 2, 512)));
      grown.set(this.bytes);
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
  }

  /** Drops the first `count` bytes; the limit counts what is held only. */
  skip(count: number): void {
    this.#buffer = this.#buffer.slice(count, this.#length);
    this.#length = this.#buffer.length;
  }
}

/** How much more a peer may send before it is authorized. */
export class ByteBudget {
  readonly #total: number;
  #left: number;

  constructor(bytes: number) {
    this.#total = bytes;
    this.#left = bytes;
  }

  get left(): number {
    return this.#left;
  }

  /** Takes `count` bytes off. Throws `ERR_TOO_LARGE` when fewer are left. */
  spend(count: number): void {
    if (count > this.#left) {
      throw new BusError('ERR_TOO_LARGE', `More than ${this.#total} bytes arrived before the peer was authorized`);
    }
    this.#left -= count;
  }
}
