import { asBuffer } from '../../base/bytes.ts';
import { toJson } from '../codec/json.ts';
import type { RemoteFailure, RequestId } from '../frames.ts';
import type { Slab } from '../slab.ts';
import type { Body, BodyComposer } from './body.ts';
import { unencodable } from '../codec/unencodable.ts';
import { tooLarge } from './body.ts';
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
  if (text === undefined) throw new TypeError(`JSON has no ${typeof data}.`);
  return text;
}
