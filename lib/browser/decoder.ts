import { concat } from '../base/bytes.ts';
import { BusError } from '../base/errors.ts';
import { readFailure } from '../base/failure.ts';
import type { Decoder, FrameSink } from '../wire/dialect.ts';
import { asEnd, asLaneName, type Frame } from '../wire/frames.ts';
import type { NativeDecoderOptions } from '../wire/native/decoder.ts';
import {
  chunkBytes,
  Encoding,
  encodingMask,
  firstControlType,
  Flag,
  FrameType,
  headerBytes,
  wantsAnswer,
  readUint32,
} from '../wire/native/header.ts';
import { rawValue } from '../wire/native/raw-body.ts';
import { BodyReader } from './body-codec.ts';

/** A body that is not whole yet. */
interface Partial {
  readonly kind: string;
  /** Holds what came, with room for more. */
  body: Uint8Array;
  bytes: number;
}

const noBytes = new Uint8Array(0);
/** How many of the largest bodies may be on their way at once. */
const bodiesAtOnce = 4;
const types = ['', 'message', 'request', 'response', '', 'cancel', 'ping', 'pong'];
const controls = ['ack', 'heartbeat', 'heartbeat-reply', 'pause', 'resume', 'going-away'];

/** The page's decoder: begins with a frame when all of it is there. */
export class NativeDecoder implements Decoder {
  readonly #options: NativeDecoderOptions;
  readonly #reader = new BodyReader();
  readonly #lanes = new Set([0]);
  readonly #partials = new Map<number, Partial>();
  #partialBytes = 0;
  #unread: Uint8Array[] = [];
  /** How many bytes more it takes to continue. */
  #missing = headerBytes;

  constructor(options: NativeDecoderOptions) {
    this.#options = options;
  }

  restart(): void {
    this.#rest(noBytes);
  }

  feed(bytes: Uint8Array, sink: FrameSink): number {
    this.#unread.push(bytes);
    this.#missing -= bytes.length;
    while (this.#missing <= 0) {
      const held = this.#unread.length > 1 ? concat(this.#unread) : (this.#unread[0] as Uint8Array);
      const size = 4 + readUint32(held, 0);
      if (size < headerBytes) throw new BusError('ERR_PROTOCOL');
      if (size > headerBytes + chunkBytes) throw new BusError('ERR_TOO_LARGE');
      if (held.length < size) this.#rest(held, size);
      else {
        this.#rest(held.subarray(size));
        if (sink(this.#frame(held.subarray(0, size), size)) === false) {
          this.#rest(noBytes);
          return bytes.length - held.length + size;
        }
      }
    }
    return bytes.length;
  }

  /** Continues with `bytes`, and joins more to it once there are as many as it takes. */
  #rest(bytes: Uint8Array, needed = headerBytes): void {
    this.#unread = bytes.length > 0 ? [bytes] : [];
    this.#missing = needed - bytes.length;
  }

  #frame(bytes: Uint8Array, size: number): Frame {
    const type = bytes[4] as number;
    const flags = bytes[5] as number;
    const lane = ((bytes[6] as number) << 8) | (bytes[7] as number);
    const id = readUint32(bytes, 8);
    const body = bytes.subarray(headerBytes);
    if (type < firstControlType && ((flags & Flag.more) !== 0 || this.#partials.has(lane))) {
      const whole = this.#part(body, type, flags, lane, id);
      if (whole === undefined) return { type: 'part', lane, size };
      return this.#build(whole, type, flags, lane, id, headerBytes + whole.length);
    }
    if (type === FrameType.open) this.#lanes.add(lane);
    return this.#build(body, type, flags, lane, id, size);
  }

  /** Adds to the body of `lane`, and returns it when it is whole. */
  #part(part: Uint8Array, type: number, flags: number, lane: number, id: number): Uint8Array | undefined {
    const { maxFrameBytes } = this.#options;
    const kind = [type, id, flags & ~(Flag.more | Flag.withdrawn)].join();
    const partial = this.#partials.get(lane) ?? { kind, body: noBytes, bytes: 0 };
    if (type === FrameType.open || !this.#lanes.has(lane) || partial.kind !== kind) throw new BusError('ERR_PROTOCOL');
    this.#partials.set(lane, partial);
    const { body, bytes } = partial;
    partial.bytes += part.length;
    this.#partialBytes += part.length;
    if (partial.bytes > maxFrameBytes || this.#partialBytes > maxFrameBytes * bodiesAtOnce) {
      throw new BusError('ERR_TOO_LARGE');
    }
    if (partial.bytes > body.length) partial.body = concat([body], partial.bytes * 2);
    partial.body.set(part, bytes);
    if ((flags & Flag.more) !== 0) return undefined;
    this.#partials.delete(lane);
    this.#partialBytes -= partial.bytes;
    return partial.body.slice(0, partial.bytes);
  }

  #build(body: Uint8Array, type: number, flags: number, lane: number, id: number, size: number): Frame {
    const begins = (flags & Flag.deadline) === 0 ? 0 : 4;
    if (body.length < begins) throw new BusError('ERR_PROTOCOL');
    const timeoutMs = begins === 0 ? undefined : readUint32(body, 0);
    const data = this.#data(body.subarray(begins), flags & encodingMask);
    if ((flags & Flag.withdrawn) !== 0 && wantsAnswer(type)) return { type: 'part', lane, size };
    if (type === FrameType.failure) return { type: 'failure', lane, id, error: readFailure(data), size };
    if (type === FrameType.end) return asEnd(data, size);
    if (type === FrameType.open) return { type: 'open', lane, name: asLaneName(data), size };
    const name = types[type] ?? controls[type - firstControlType];
    if (!name) throw new BusError('ERR_PROTOCOL');
    const confirm = (flags & Flag.confirm) !== 0;
    const asked = type === FrameType.message && !confirm ? 0 : id;
    return {
      type: name,
      lane,
      id: asked || undefined,
      data,
      timeoutMs,
      confirm,
      received: id,
      size,
    } as unknown as Frame;
  }

  #data(body: Uint8Array, encoding: number): unknown {
    if (encoding === Encoding.plain) return this.#reader.read(body, 0, body.length, this.#options.maxDepth);
    if (encoding === Encoding.raw && body.length > 0) return rawValue(body[0] as number, body.slice(1));
    if (encoding !== Encoding.none || body.length > 0) throw new BusError('ERR_PROTOCOL');
    return undefined;
  }
}
