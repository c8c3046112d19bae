import { BusError } from '../base/errors.ts';
import type { Asker, Encoder, LaneQueue } from '../wire/dialect.ts';
import type { RemoteFailure, RequestId } from '../wire/frames.ts';
import {
  amendFrame,
  chunkBytes,
  Encoding,
  Flag,
  FrameType,
  headerBytes,
  writeHeader,
  writeUint32,
} from '../wire/native/header.ts';
import type { NativeEncoderOptions } from '../wire/native/encoder.ts';
import { isRaw, rawBytes, rawKind } from '../wire/native/raw-body.ts';
import { BodyPacker } from './message-pack-writer.ts';
import type { Slab } from './slab.ts';

/** A frame that is to be cut, and how much of its body was. */
interface Waiting {
  readonly frame: Uint8Array;
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  at: number;
}

const noBytes = new Uint8Array(0);

/** The page's encoder, and its queue: each frame is made by itself, with a copy of what is in it. */
export class NativeEncoder implements Encoder, LaneQueue {
  readonly queue = this;
  bytes = 0;
  readonly #options: NativeEncoderOptions<Slab>;
  readonly #waiting = new Map<number, Waiting[]>();

  constructor(options: NativeEncoderOptions<Slab>) {
    this.#options = options;
  }

  message(lane: number, data: unknown, confirm: boolean, id?: number): number {
    return this.#write(FrameType.message, lane, id, data, undefined, confirm ? Flag.confirm : 0);
  }

  request(lane: number, id: number, data: unknown, timeoutMs: number | undefined): number {
    return this.#write(FrameType.request, lane, id, data, timeoutMs);
  }

  response(lane: number, id: RequestId, data: unknown): number {
    return this.#write(FrameType.response, lane, Number(id), data);
  }

  failure(lane: number, id: RequestId, error: RemoteFailure): number {
    return this.#write(FrameType.failure, lane, Number(id), error);
  }

  cancel(lane: number, id: number): number {
    return this.#write(FrameType.cancel, lane, id);
  }

  ping(id: number, data: unknown): number {
    return this.#write(FrameType.ping, 0, id, data);
  }

  pong(id: RequestId, data: unknown): number {
    return this.#write(FrameType.pong, 0, Number(id), data);
  }

  end(reason: unknown, allowReconnect: boolean, code: string | undefined): number {
    const end = {
      allowReconnect,
      ...(reason === undefined ? {} : { reason }),
      ...(code === undefined ? {} : { code }),
    };
    return this.#write(FrameType.end, 0, 0, end);
  }

  open(lane: number, name: string): number {
    return this.#write(FrameType.open, lane, 0, name);
  }

  /** A page has one peer, and broadcasts nothing. */
  encoded(): never {
    throw new BusError('ERR_STATE');
  }

  amend(bytes: Uint8Array, at: number, begins: boolean, asker: Asker): void {
    amendFrame(bytes, at, begins, asker, this.#options.withdraws === true);
  }

  ack(received: number): number {
    return this.#control(FrameType.ack, received);
  }

  heartbeat(): number {
    return this.#control(FrameType.heartbeat);
  }

  heartbeatReply(): number {
    return this.#control(FrameType.heartbeatReply);
  }

  pause(): number {
    return this.#control(FrameType.pause);
  }

  resume(): number {
    return this.#control(FrameType.resume);
  }

  goingAway(): number {
    return this.#control(FrameType.goingAway);
  }

  bytesOf(lane: number): number {
    const waiting = this.#waiting.get(lane) ?? [];
    return waiting.reduce((bytes, { frame, at }) => bytes + frame.length - at, 0);
  }

  writeChunk(asker?: Asker): ReturnType<LaneQueue['writeChunk']> {
    for (const [lane, waiting] of this.#waiting) {
      const next = waiting[0];
      this.#waiting.delete(lane);
      if (next === undefined) continue;
      const { type, flags, id, at } = next;
      const body = next.frame.subarray(at, at + chunkBytes);
      next.at += body.length;
      this.bytes -= body.length;
      const first = at === headerBytes;
      const last = next.at === next.frame.length;
      const frame = new Uint8Array(headerBytes + body.length);
      frame.set(body, headerBytes);
      const bytes = this.#finish(frame, type, last ? flags : flags | Flag.more, lane, id);
      if (asker !== undefined) this.amend(frame, 0, first, asker);
      if (last) waiting.shift();
      if (waiting.length > 0) this.#waiting.set(lane, waiting);
      return { lane, bytes, first, last };
    }
    return undefined;
  }

  #control(type: number, id = 0): number {
    return this.#finish(new Uint8Array(headerBytes), type, 0, 0, id);
  }

  #write(type: number, lane: number, id = 0, data?: unknown, timeoutMs?: number, given = 0): number {
    const { maxDepth, maxFrameBytes } = this.#options;
    const bodyStart = headerBytes + (timeoutMs === undefined ? 0 : 4);
    let flags = given | Encoding.plain;
    let frame: Uint8Array;
    if (data === undefined) {
      flags = given | Encoding.none;
      frame = new Uint8Array(bodyStart);
    } else if (isRaw(data)) {
      const bytes = rawBytes(data);
      flags = given | Encoding.raw;
      frame = new Uint8Array(bodyStart + 1 + bytes.length);
      frame[bodyStart] = rawKind(data);
      frame.set(bytes, bodyStart + 1);
    } else {
      const { buffer, start, end } = new BodyPacker().pack(data, noBytes, 0, bodyStart, maxDepth);
      frame = buffer.subarray(start - bodyStart, end);
    }
    if (timeoutMs !== undefined) {
      flags |= Flag.deadline;
      writeUint32(frame, headerBytes, timeoutMs);
    }
    const size = frame.length - headerBytes;
    if (size > maxFrameBytes) {
      throw new BusError('ERR_TOO_LARGE', `The message has ${size} bytes, the peer takes ${maxFrameBytes}`);
    }
    const waiting = this.#waiting.get(lane);
    if (size <= chunkBytes && waiting === undefined) return this.#finish(frame, type, flags, lane, id);
    const one = { frame, type, flags, id, at: headerBytes };
    if (waiting === undefined) this.#waiting.set(lane, [one]);
    else waiting.push(one);
    this.bytes += size;
    return 0;
  }

  #finish(frame: Uint8Array, type: number, flags: number, lane: number, id: number): number {
    writeHeader(frame, 0, frame.length - headerBytes, type, flags, lane, id);
    this.#options.slab.adopt(frame);
    return frame.length;
  }
}
