import type { RemoteFailure, RequestId } from '../frames.ts';
import type { Slab } from '../slab.ts';
import type { Body, BodyComposer } from './body.ts';
import { tooLarge, unencodable } from './body.ts';
import type { PacketType } from './packet-type.ts';

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

function stringify(type: PacketType, data: unknown, nonce: RequestId | undefined, error?: RemoteFailure): string {
  let text = `{"t":${type}`;
  try {
    if (data !== undefined) {
      const json = JSON.stringify(data) as string | undefined;
      if (json === undefined) throw new TypeError(`JSON has no ${typeof data}.`);
      text += `,"d":${json}`;
    }
    if (error) text += `,"e":${JSON.stringify(error)}`;
  } catch (cause) {
    throw unencodable(cause);
  }
  return nonce === undefined ? `${text}}` : `${text},"n":${JSON.stringify(nonce)}}`;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
