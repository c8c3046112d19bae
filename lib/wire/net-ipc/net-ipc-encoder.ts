import { Packr } from 'msgpackr';
import { BusError } from '../../base/errors.ts';
import type { Deflater } from '../compression.ts';
import type { EncodedMessage, Encoder } from '../dialect.ts';
import type { RemoteFailure, RequestId } from '../frames.ts';
import type { Slab } from '../slab.ts';
import { nonceOfRequest } from './nonce.ts';
import type { PacketType } from './packet-type.ts';
import { packetType } from './packet-type.ts';
import { longestTagBytes, tagWidth, writeTag } from './tag.ts';

export interface NetIpcEncoderOptions {
  readonly slab: Slab;
  readonly messagepack: boolean;
  readonly deflater?: Deflater | undefined;
  /** Largest body, before it is deflated. */
  readonly maxFrameBytes: number;
}

const measureFrom = 8_192;
const adoptFrom = 16_384;

/** Writes packets of net-ipc 2.x, which knows lane 0 only and neither confirmations nor the requester's timeout. */
export class NetIpcEncoder implements Encoder {
  readonly queue = undefined;
  readonly #slab: Slab;
  readonly #packr: Packr | undefined;
  readonly #deflater: Deflater | undefined;
  readonly #maxFrameBytes: number;

  constructor(options: NetIpcEncoderOptions) {
    this.#slab = options.slab;
    this.#packr = options.messagepack ? new Packr({ useRecords: false }) : undefined;
    this.#deflater = options.deflater;
    this.#maxFrameBytes = options.maxFrameBytes;
  }

  message(lane: number, data: unknown, confirm: boolean): number {
    if (lane !== 0 || confirm) throw lacksFeature(lane === 0 ? 'confirmed messages' : 'lanes');
    return this.#write(packetType.message, data, undefined);
  }

  request(lane: number, id: number, data: unknown, _timeoutMs: number | undefined): number {
    if (lane !== 0) throw lacksFeature('lanes');
    return this.#write(packetType.request, data, nonceOfRequest(id));
  }

  response(lane: number, id: RequestId, data: unknown): number {
    if (lane !== 0) throw lacksFeature('lanes');
    return this.#write(packetType.response, data, id);
  }

  /** net-ipc takes it as an answer without data; busbar reads the extra member `e`. */
  failure(lane: number, id: RequestId, error: RemoteFailure): number {
    if (lane !== 0) throw lacksFeature('lanes');
    return this.#write(packetType.response, undefined, id, error);
  }

  ping(id: number, data: unknown): number {
    return this.#write(packetType.ping, data, nonceOfRequest(id));
  }

  pong(id: RequestId, data: unknown): number {
    return this.#write(packetType.pong, data, id);
  }

  end(reason: unknown, allowReconnect: boolean, code: string | undefined): number {
    const data = code === undefined ? { m: reason, a: allowReconnect } : { m: reason, a: allowReconnect, c: code };
    return this.#write(packetType.end, data, undefined);
  }

  encoded(lane: number, frame: EncodedMessage): number {
    return this.message(lane, frame.data, false);
  }

  cancel(_lane: number, _id: number): number {
    return 0;
  }

  open(_lane: number, _name: string): number {
    return 0;
  }

  ack(_received: number): number {
    return 0;
  }

  heartbeat(): number {
    return 0;
  }

  heartbeatReply(): number {
    return 0;
  }

  pause(): number {
    return 0;
  }

  resume(): number {
    return 0;
  }

  goingAway(): number {
    return 0;
  }

  #write(type: PacketType, data: unknown, nonce: RequestId | undefined, error?: RemoteFailure): number {
    if (this.#packr) return this.#writeBytes(this.#pack(this.#packr, type, data, nonce, error));
    const text = stringify(type, data, nonce, error);
    if (text.length > this.#maxFrameBytes) throw tooLarge(text.length, this.#maxFrameBytes);
    return this.#deflater ? this.#writeBytes(Buffer.from(text)) : this.#writeText(text);
  }

  #writeText(text: string): number {
    const slab = this.#slab;
    const { length } = text;
    const room = length < measureFrom ? length * 3 : Buffer.byteLength(text);
    if (length >= measureFrom && room > this.#maxFrameBytes) throw tooLarge(room, this.#maxFrameBytes);
    slab.ensure(room + longestTagBytes);
    const target = asBuffer(slab.buffer);
    const at = slab.position;
    const guess = tagWidth(length < measureFrom ? length : room);
    const size = target.write(text, at + guess, 'utf8');
    if (size > this.#maxFrameBytes) throw tooLarge(size, this.#maxFrameBytes);
    const width = tagWidth(size);
    if (width !== guess) target.copyWithin(at + width, at + guess, at + guess + size);
    writeTag(target, at, size, width);
    slab.position = at + width + size;
    return width + size;
  }

  #pack(packr: Packr, type: PacketType, data: unknown, n: RequestId | undefined, e?: RemoteFailure): Uint8Array {
    try {
      return packr.pack({ t: type, d: data, n, e });
    } catch (error) {
      throw unencodable(error);
    }
  }

  #writeBytes(body: Uint8Array): number {
    const slab = this.#slab;
    if (body.length > this.#maxFrameBytes) throw tooLarge(body.length, this.#maxFrameBytes);
    const bytes = this.#deflater ? this.#deflater.process(body) : body;
    const width = tagWidth(bytes.length);
    const large = bytes.length >= adoptFrom && this.#deflater !== undefined;
    slab.ensure(large ? width : width + bytes.length);
    writeTag(slab.buffer, slab.position, bytes.length, width);
    slab.position += width;
    if (large) {
      slab.adopt(bytes);
    } else {
      slab.buffer.set(bytes, slab.position);
      slab.position += bytes.length;
    }
    return width + bytes.length;
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

function unencodable(cause: unknown): BusError {
  return new BusError('ERR_UNENCODABLE', cause instanceof Error ? cause.message : String(cause), { cause });
}

function tooLarge(size: number, limit: number): BusError {
  return new BusError('ERR_TOO_LARGE', `The message takes ${size} bytes; ${limit} are allowed.`);
}

function lacksFeature(feature: string): BusError {
  return new BusError('ERR_PEER_LACKS_FEATURE', `The peer speaks the net-ipc dialect, which has no ${feature}.`);
}
