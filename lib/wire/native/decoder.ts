import { BusError } from '../../base/errors.ts';
import type { AgreedContracts } from '../contracts.ts';
import { type Decoder, type FrameSink, framesAtOnce } from '../dialect.ts';
import type { Frame } from '../frames.ts';
import { BodyReader } from './body-codec.ts';
import { copyBytes, FrameBuilder } from './frame-builder.ts';
import {
  chunkBytes,
  Encoding,
  encodingMask,
  firstControlType,
  Flag,
  FrameType,
  headerBytes,
  readUint32,
} from './header.ts';
import { traceBytes } from './intro.ts';
import { Reassembly } from './reassembly.ts';

export interface NativeDecoderOptions {
  /** Whether this end takes record definitions. */
  readonly records: boolean;
  /** The largest body, put together again, that this end takes. */
  readonly maxFrameBytes: number;
  readonly maxDepth: number;
  /** Those that the peer may write by; absent where this end has none. */
  readonly contracts?: AgreedContracts | undefined;
  /** Whether the peer may write by records that it has for all of its peers. */
  readonly shared?: boolean | undefined;
  /** Whether the peer may say to which trace a message or request belongs. */
  readonly traces?: boolean | undefined;
}

const lengthBytes = 4;
const nothing = new Uint8Array(0);
const noLanes: ReadonlySet<number> = new Set();
const largestFrameBytes = headerBytes + chunkBytes;

/** A frame of a cut body of which the header and some of the rest arrived. */
interface OpenPart {
  readonly lane: number;
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly size: number;
  missing: number;
}

/**
 * Reads the frames of `docs/protocol.md`, in place where a frame arrived whole. The parts that live as long as the
 * session (record definitions, bodies half received) survive `restart`, the split frame of a broken link does not.
 */
export class NativeDecoder implements Decoder {
  skipsPings = (): boolean => false;
  readonly #builder: FrameBuilder;
  readonly #reassembly: Reassembly;
  /** A frame that arrived in part, and how much of it. */
  #carry: Uint8Array = nothing;
  #carried = 0;
  /** A frame that was put together, in a buffer of its own. */
  #whole: Uint8Array = nothing;
  #openPart: OpenPart | undefined;
  #lanes = noLanes;
  /** The sink wants no more for now. */
  #enough = false;

  constructor(options: NativeDecoderOptions) {
    const readers: BodyReader[] = [];
    const totals = { keys: 0, bytes: 0 };
    let shared: BodyReader | undefined;
    const readerOf = (lane: number | 'shared'): BodyReader =>
      lane === 'shared' ? (shared ??= new BodyReader(totals)) : (readers[lane] ??= new BodyReader(totals));
    this.#builder = new FrameBuilder(readerOf, options);
    this.#reassembly = new Reassembly(options.maxFrameBytes + (options.traces === true ? traceBytes : 0));
  }

  /** Forgets a frame that a broken link left half received. */
  restart(): void {
    this.#carried = 0;
    if (this.#openPart !== undefined) this.#reassembly.abort(this.#openPart.lane);
    this.#openPart = undefined;
    if (this.#carry.length > 4_096) this.#carry = nothing;
  }

  feed(bytes: Uint8Array, sink: FrameSink): number {
    const end = bytes.length;
    let at = 0;
    this.#enough = false;
    if (this.#openPart !== undefined) at = this.#carryOn(this.#openPart, bytes, 0, sink);
    else if (this.#carried > 0) {
      at = this.#finishCarried(bytes, sink);
      if (at < 0) return end;
    }
    let left = framesAtOnce;
    for (; left > 0 && !this.#enough && end - at >= lengthBytes; left--) {
      const size = this.#frameSize(bytes, at);
      if (end - at < size) {
        if (end - at < headerBytes || !this.#beginPart(bytes, at, size)) break;
        at += headerBytes;
        if (this.#openPart !== undefined) at = this.#carryOn(this.#openPart, bytes, at, sink);
        return at;
      }
      this.#frame(bytes, at, size, sink);
      at += size;
    }
    if (this.#enough || left === 0) return at;
    if (at < end) this.#keep(bytes.subarray(at));
    return end;
  }

  /** Whether a frame carries part of a body only. */
  #isPart(type: number, flags: number, lane: number): boolean {
    return type < firstControlType && ((flags & Flag.more) !== 0 || this.#reassembly.isOpen(lane));
  }

  /** False where the frame whose header is at `at` carries no part of a body. */
  #beginPart(bytes: Uint8Array, at: number, size: number): boolean {
    const type = bytes[at + 4] as number;
    const flags = bytes[at + 5] as number;
    const lane = ((bytes[at + 6] as number) << 8) | (bytes[at + 7] as number);
    if (!this.#isPart(type, flags, lane)) return false;
    const id = readUint32(bytes, at + 8);
    this.#beginBody(lane, type, flags, id);
    this.#openPart = { lane, type, flags, id, size, missing: size - headerBytes };
    return true;
  }

  /** Begins part of a body: nothing is kept for a lane that is not open, or for the name of one. */
  #beginBody(lane: number, type: number, flags: number, id: number): void {
    if (type === FrameType.open || (lane !== 0 && !this.#lanes.has(lane))) {
      throw new BusError('ERR_PROTOCOL', `Part of a body arrived on lane ${lane}, which has no name`);
    }
    // A body that may define records has to be read.
    const skips = type === FrameType.ping && (flags & encodingMask) !== Encoding.records && this.skipsPings();
    this.#reassembly.begin(lane, type, flags, id, skips);
  }

  /** Takes what `bytes` has of the open part; returns where the next frame starts. */
  #carryOn(part: OpenPart, bytes: Uint8Array, at: number, sink: FrameSink): number {
    const end = Math.min(bytes.length, at + part.missing);
    this.#reassembly.add(part.lane, bytes.subarray(at, end));
    part.missing -= end - at;
    if (part.missing === 0) {
      this.#openPart = undefined;
      this.#partDone(part, sink);
    }
    return end;
  }

  #partDone({ lane, type, flags, id, size }: OpenPart, sink: FrameSink): void {
    const body = this.#reassembly.finish(lane, flags);
    const frame: Frame =
      body === undefined
        ? { type: 'part', lane, size }
        : this.#builder.build(type, flags, lane, id, body, 0, body.length, headerBytes + body.length);
    this.#enough = sink(frame) === false;
  }

  /** Completes the split frame from `bytes`; returns where the next one starts, or -1 when it is still not whole. */
  #finishCarried(bytes: Uint8Array, sink: FrameSink): number {
    let at = 0;
    if (this.#carried < lengthBytes) {
      at = Math.min(lengthBytes - this.#carried, bytes.length);
      this.#keep(bytes.subarray(0, at));
      if (this.#carried < lengthBytes) return -1;
    }
    const size = this.#frameSize(this.#carry, 0);
    const missing = Math.min(size - this.#carried, bytes.length - at);
    this.#keep(bytes.subarray(at, at + missing));
    if (this.#carried < size) return -1;
    const whole = this.#carry;
    this.#carried = 0;
    // Raw bodies are handed out without a copy, so this buffer is not written to again.
    this.#carry = nothing;
    this.#whole = whole;
    this.#frame(whole, 0, size, sink);
    this.#whole = nothing;
    return at + missing;
  }

  #keep(bytes: Uint8Array): void {
    const needed = this.#carried + bytes.length;
    if (needed > this.#carry.length) {
      const grown = new Uint8Array(Math.max(256, Math.min(largestFrameBytes, needed * 2), needed));
      grown.set(this.#carry.subarray(0, this.#carried));
      this.#carry = grown;
    }
    this.#carry.set(bytes, this.#carried);
    this.#carried = needed;
  }

  #frameSize(bytes: Uint8Array, at: number): number {
    const size = lengthBytes + readUint32(bytes, at);
    if (size < headerBytes) throw new BusError('ERR_PROTOCOL', `A frame of ${size} bytes is shorter than its header`);
    if (size > largestFrameBytes) throw new BusError('ERR_TOO_LARGE', `A frame of ${size} bytes is over the limit`);
    return size;
  }

  #frame(bytes: Uint8Array, at: number, size: number, sink: FrameSink): void {
    const type = bytes[at + 4] as number;
    const flags = bytes[at + 5] as number;
    const lane = ((bytes[at + 6] as number) << 8) | (bytes[at + 7] as number);
    const id = readUint32(bytes, at + 8);
    const bodyStart = at + headerBytes;
    const bodyEnd = at + size;
    if (((flags & Flag.more) !== 0 || this.#reassembly.count > 0) && this.#isPart(type, flags, lane)) {
      this.#beginBody(lane, type, flags, id);
      this.#reassembly.add(lane, bytes.subarray(bodyStart, bodyEnd));
      this.#partDone({ lane, type, flags, id, size, missing: 0 }, sink);
      return;
    }
    if (type === FrameType.open) this.#lanes = new Set(this.#lanes).add(lane);
    const isHandedOut = (flags & encodingMask) === Encoding.raw && size > copyBytes && bytes !== this.#whole;
    const body = isHandedOut ? new Uint8Array(bytes.subarray(bodyStart, bodyEnd)) : bytes;
    const from = isHandedOut ? 0 : bodyStart;
    const frame = this.#builder.build(type, flags, lane, id, body, from, from + bodyEnd - bodyStart, size);
    this.#enough = sink(frame) === false;
  }
}
