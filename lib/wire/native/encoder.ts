import { type AgreedContracts, isContractValue } from '../contracts.ts';
import type { Asker, BroadcastFrame, EncodedMessage, Encoder } from '../dialect.ts';
import type { RemoteFailure, RequestId } from '../frames.ts';
import type { Slab } from '../../base/slab.ts';
import { tooCostly } from './msgpack-check.ts';
import {
  amendFrame,
  checkBodySize,
  chunkBytes,
  Encoding,
  Flag,
  FrameType,
  headerBytes,
  writeHeader,
} from './header.ts';
import { mostCost } from '../codec/body-cost.ts';
import { BodyPacker, type Packed, roomBytes } from './body-codec.ts';
import { broadcastFrame } from './broadcast-frame.ts';
import type { BroadcastRecords } from './broadcast-records.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { ContractWriter } from './contract-writer.ts';
import { copyBytes, copyFrame, shareFrame, traceFrame } from './frame-copies.ts';
import { heartbeatFrame, heartbeatReplyFrame } from './heartbeat-frames.ts';
import { introBytes, introFlags, introOf, traceBytes, type Traced, writeIntro } from './intro.ts';
import { isRaw, rawBytes, rawKind } from './raw-body.ts';
import { RecordWriter } from './record-writer.ts';

export interface NativeEncoderOptions<Target = Slab> {
  readonly slab: Target;
  /** Whether the peer takes record definitions; only between ends that trust each other. */
  readonly records: boolean;
  /** The largest body the peer takes. */
  readonly maxFrameBytes: number;
  /** How deep a body may nest: what the peer would refuse is better refused here. */
  readonly maxDepth: number;
  /** Whether the peer takes what was encoded once for many; not where bodies may nest less deep for it than for others. */
  readonly sharesFrames?: boolean;
  /** Whether the peer knows of requests that were withdrawn. */
  readonly withdraws?: boolean | undefined;
  /** Those that the peer has too; absent where this end has none. */
  readonly contracts?: AgreedContracts | undefined;
  /** Those of the server, where the peer takes them. */
  readonly shared?: BroadcastRecords | undefined;
  /** To which trace a message or request belongs; where the peer takes that. */
  readonly tracing?: Traced | undefined;
}

/** Writes the frames of `docs/protocol.md`. It lives as long as its session, since record definitions do. */
export class NativeEncoder implements Encoder {
  readonly queue: ChunkQueue;
  readonly #slab: Slab;
  readonly #records: boolean;
  readonly #maxFrameBytes: number;
  readonly #maxDepth: number;
  readonly #sharesFrames: boolean;
  readonly #mostCost: number;
  readonly #withdraws: boolean;
  readonly #contracts: ContractWriter | undefined;
  readonly #shared: BroadcastRecords | undefined;
  readonly #who: Traced | undefined;
  #sharedWriter: RecordWriter | undefined;
  readonly #packers: BodyPacker[] = [];
  /** Of the shapes that this end has defined. */
  readonly #totals = { keys: 0, bytes: 0 };

  constructor(options: NativeEncoderOptions) {
    this.#slab = options.slab;
    this.#records = options.records;
    this.#maxFrameBytes = options.maxFrameBytes;
    this.#maxDepth = options.maxDepth;
    this.#sharesFrames = options.sharesFrames !== false;
    this.#mostCost = mostCost(options.maxFrameBytes);
    this.#withdraws = options.withdraws === true;
    this.queue = new ChunkQueue(options.slab, this.#withdraws);
    this.#shared = options.shared;
    this.#who = options.tracing;
    const { contracts } = options;
    if (contracts !== undefined) {
      const limits = { maxBytes: options.maxFrameBytes, mostCost: this.#mostCost, maxDepth: options.maxDepth };
      this.#contracts = new ContractWriter(options.slab, this.queue, contracts, limits);
    }
  }

  message(lane: number, data: unknown, confirm: boolean, id = 0): number {
    return this.#write(FrameType.message, confirm ? Flag.confirm : 0, lane, id, data, -1, this.#who?.tracer?.current());
  }

  request(lane: number, id: number, data: unknown, timeoutMs: number | undefined): number {
    return this.#write(FrameType.request, 0, lane, id, data, timeoutMs ?? -1, this.#who?.tracer?.current());
  }

  response(lane: number, id: RequestId, data: unknown): number {
    return this.#write(FrameType.response, 0, lane, Number(id), data, -1);
  }

  failure(lane: number, id: RequestId, error: RemoteFailure): number {
    return this.#write(FrameType.failure, 0, lane, Number(id), error, -1);
  }

  cancel(lane: number, id: number): number {
    return this.#write(FrameType.cancel, 0, lane, id, undefined, -1);
  }

  ping(id: number, data: unknown): number {
    return this.#write(FrameType.ping, 0, 0, id, data, -1);
  }

  pong(id: RequestId, data: unknown): number {
    return this.#write(FrameType.pong, 0, 0, Number(id), data, -1);
  }

  end(reason: unknown, allowReconnect: boolean, code: string | undefined): number {
    const end = {
      allowReconnect,
      ...(reason === undefined ? {} : { reason }),
      ...(code === undefined ? {} : { code }),
    };
    return this.#write(FrameType.end, 0, 0, 0, end, -1);
  }

  open(lane: number, name: string): number {
    return this.#write(FrameType.open, 0, lane, 0, name, -1);
  }

  encoded(lane: number, frame: EncodedMessage): number {
    if (!this.#sharesFrames) return this.message(lane, frame.data, false);
    const byContract = this.#contracts?.frameOf(frame, lane);
    const trace = this.#who?.tracer?.current();
    if (byContract === undefined && this.#shared !== undefined && trace === undefined) {
      this.#sharedWriter ??= this.#recordWriter(this.#shared);
      const written = this.#sharedWriter.write(frame, lane);
      if (written >= 0) return written;
    }
    const native = byContract ?? (frame.native ??= this.#plainFrame(frame.data, lane));
    const { encoding, buffer, start, end } = native;
    const size = end - start;
    checkBodySize(size - headerBytes, this.#maxFrameBytes);
    if (native.cost > this.#mostCost) throw tooCostly(this.#mostCost);
    const flags = encoding | introFlags(-1, trace);
    if (size - headerBytes + introBytes(-1, trace) > chunkBytes || this.queue.holds(lane)) {
      return this.queue.push(lane, FrameType.message, flags, 0, buffer.subarray(start + headerBytes, end), trace);
    }
    if (trace !== undefined) return traceFrame(this.#slab, native, lane, flags, trace);
    return shareFrame(this.#slab, native, lane);
  }

  amend(bytes: Uint8Array, at: number, begins: boolean, asker: Asker): void {
    amendFrame(bytes, at, begins, asker, this.#withdraws);
  }

  ack(received: number): number {
    return this.#control(FrameType.ack, received % 0x1_0000_0000);
  }

  heartbeat(): number {
    return this.#constant(heartbeatFrame);
  }

  heartbeatReply(): number {
    return this.#constant(heartbeatReplyFrame);
  }

  pause(): number {
    return this.#control(FrameType.pause, 0);
  }

  resume(): number {
    return this.#control(FrameType.resume, 0);
  }

  goingAway(): number {
    return this.#control(FrameType.goingAway, 0);
  }

  /** Frames that idle links exchange need no buffer of the slab's. */
  #constant(frame: Uint8Array): number {
    this.#slab.share(frame, 0, frame.length);
    return frame.length;
  }

  #control(type: number, id: number): number {
    const slab = this.#slab;
    slab.ensure(headerBytes);
    writeHeader(slab.buffer, slab.position, 0, type, 0, 0, id);
    slab.position += headerBytes;
    return headerBytes;
  }

  #plainFrame(data: unknown, lane: number): BroadcastFrame {
    return broadcastFrame(isContractValue(data) ? data.value : data, lane, this.#maxDepth);
  }

  #recordWriter(shared: BroadcastRecords): RecordWriter {
    const limits = { maxBytes: this.#maxFrameBytes, mostCost: this.#mostCost, maxDepth: this.#maxDepth };
    return new RecordWriter(this.#slab, this.queue, shared, limits);
  }

  #write(
    type: number,
    flags: number,
    lane: number,
    id: number,
    given: unknown,
    timeoutMs: number,
    trace?: Uint8Array,
  ): number {
    let data = given;
    // Bodies too that are written later, or elsewhere.
    this.#slab.ensure(0);
    if (this.#contracts !== undefined && isContractValue(data)) {
      const written = this.#contracts.write(type, flags, lane, id, data, timeoutMs, trace);
      if (written >= 0) return written;
      data = data.value;
    }
    if (data === undefined) {
      return this.#writeEmpty(type, flags | introFlags(timeoutMs, trace), lane, id, introOf(timeoutMs, trace));
    }
    if (isRaw(data)) return this.#writeRaw(type, flags, lane, id, data, timeoutMs, trace);
    const slab = this.#slab;
    slab.ensure(roomBytes);
    const prefix = introBytes(timeoutMs, trace);
    const headroom = headerBytes + prefix;
    const packer = this.#packerOf(lane);
    const { buffer: slabBuffer, position } = slab;
    slab.isLent = true;
    let packed: Packed;
    try {
      packed = packer.pack(data, slabBuffer, position, headroom, this.#maxDepth, this.#mostCost);
    } finally {
      slab.isLent = false;
    }
    const { buffer, start, end, records } = packed;
    const bodyStart = start - prefix;
    const bodyBytes = end - bodyStart;
    const most = this.#most(trace);
    if (bodyBytes > most) packer.forget();
    checkBodySize(bodyBytes, most);
    const encoding = records ? Encoding.records : Encoding.plain;
    const allFlags = flags | encoding | introFlags(timeoutMs, trace);
    if (prefix !== 0) writeIntro(buffer, bodyStart, timeoutMs, trace);
    if (bodyBytes > chunkBytes || this.queue.holds(lane)) {
      const found = buffer.subarray(bodyStart, end);
      const body = buffer === slab.buffer ? new Uint8Array(found) : found;
      return this.queue.push(lane, type, allFlags, id, body.subarray(prefix), body.subarray(0, prefix));
    }
    writeHeader(buffer, bodyStart - headerBytes, bodyBytes, type, allFlags, lane, id);
    if (buffer === slab.buffer) slab.position = end;
    else slab.moveTo(buffer, bodyStart - headerBytes, end);
    return headerBytes + bodyBytes;
  }

  #writeEmpty(type: number, flags: number, lane: number, id: number, body: Uint8Array): number {
    if (this.queue.holds(lane)) return this.queue.push(lane, type, flags, id, body.subarray(0, 0), body);
    return copyFrame(this.#slab, type, flags, lane, id, body);
  }

  #writeRaw(
    type: number,
    flags: number,
    lane: number,
    id: number,
    data: ArrayBuffer | ArrayBufferView,
    timeoutMs: number,
    trace: Uint8Array | undefined,
  ): number {
    const bytes = rawBytes(data);
    const prefix = introBytes(timeoutMs, trace);
    const bodyBytes = prefix + 1 + bytes.length;
    checkBodySize(bodyBytes, this.#most(trace));
    const allFlags = flags | Encoding.raw | introFlags(timeoutMs, trace);
    const intro = new Uint8Array(prefix + 1);
    writeIntro(intro, 0, timeoutMs, trace);
    intro[prefix] = rawKind(data);
    if (bodyBytes > chunkBytes || this.queue.holds(lane)) {
      return this.queue.push(lane, type, allFlags, id, bytes, intro);
    }
    const slab = this.#slab;
    const inline = bytes.length <= copyBytes;
    slab.ensure(headerBytes + intro.length + (inline ? bytes.length : 0));
    writeHeader(slab.buffer, slab.position, bodyBytes, type, allFlags, lane, id);
    slab.buffer.set(intro, slab.position + headerBytes);
    slab.position += headerBytes + intro.length;
    if (inline) {
      slab.buffer.set(bytes, slab.position);
      slab.position += bytes.length;
    } else {
      slab.adopt(bytes);
    }
    return headerBytes + bodyBytes;
  }

  /** The context does not count, so that nothing is refused for it. */
  #most(trace: Uint8Array | undefined): number {
    return trace === undefined ? this.#maxFrameBytes : this.#maxFrameBytes + traceBytes;
  }

  #packerOf(lane: number): BodyPacker {
    return (this.#packers[lane] ??= new BodyPacker(this.#records ? this.#totals : undefined));
  }
}
