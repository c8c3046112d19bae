import { asBuffer } from '../../base/bytes.ts';
import { BusError } from '../../base/errors.ts';
import { readFailure } from '../../base/failure.ts';
import { jsonExceedsCost, mostCost, slowdown } from '../codec/body-cost.ts';
import { jsonPiecesExceedDepth, mayHoldProto, parseJson } from '../codec/json.ts';
import type { Inflater } from '../compression.ts';
import { type Decoder, type FrameSink, framesAtOnce } from '../dialect.ts';
import type { Frame, RequestId } from '../frames.ts';
import { BodyReader } from '../native/body-codec.ts';
import { tooCostly } from '../native/msgpack-check.ts';
import { asRefusal, idOfAnswer, isNonce, packetType, readTag } from './packet.ts';

export interface NetIpcDecoderOptions {
  readonly messagepack: boolean;
  readonly inflater?: Inflater | undefined;
  /** Largest body, after it is inflated. */
  readonly maxFrameBytes: number;
  readonly maxDepth?: number;
}

/** Smaller bodies cannot nest deep enough to hurt, so they are not looked through. */
const scanFrom = 4_096;
const smallestCarry = 256;
/** Pieces from this size on are not copied until the packet is whole. */
const keepFrom = 16_384;
/** More than this is not inflated in one go, but for a packet that is larger by itself. */
const inflateBytes = 262_144;

/** Reads packets of net-ipc 2.x. Packets of unknown types are passed over, as net-ipc does. */
export class NetIpcDecoder implements Decoder {
  readonly #reader: BodyReader | undefined;
  readonly #inflater: Inflater | undefined;
  readonly #maxFrameBytes: number;
  readonly #maxWireBytes: number;
  readonly #maxDepth: number;
  readonly #mostCost: number;
  /** The packet that is not all there: its `#held` bytes so far are `#parts` and the first `#inCarry` of `#carry`. */
  #parts: Buffer[] = [];
  #carry: Buffer | undefined;
  #inCarry = 0;
  #held = 0;
  /** The sink wants no more for now. */
  #enough = false;
  #inflated = 0;

  constructor(options: NetIpcDecoderOptions) {
    this.#reader = options.messagepack ? new BodyReader() : undefined;
    this.#inflater = options.inflater;
    this.#maxFrameBytes = options.maxFrameBytes;
    // What does not compress grows a little.
    this.#maxWireBytes = options.maxFrameBytes + (options.inflater ? (options.maxFrameBytes >>> 8) + 64 : 0);
    this.#maxDepth = options.maxDepth ?? 64;
    this.#mostCost = mostCost(options.maxFrameBytes);
  }

  feed(bytes: Uint8Array, sink: FrameSink): number {
    this.#enough = false;
    this.#inflated = 0;
    let at = this.#held > 0 ? this.#finishCarried(bytes, sink) : 0;
    const source = asBuffer(bytes);
    for (let left = framesAtOnce; left > 0 && !this.#enough && at < source.length; left--) {
      const tag = this.#readTag(source, at, source.length);
      const size = (tag & 7) + Math.floor(tag / 8);
      if (tag === 0 || at + size > source.length) {
        this.#carryOn(source, at, source.length, tag === 0 ? 0 : size);
        return source.length;
      }
      const end = at + size;
      this.#decode(source, at + (tag & 7), end, size, sink);
      at = end;
    }
    return at;
  }

  /** Completes the carried packet, if `bytes` are enough; returns how many of them it took. */
  #finishCarried(bytes: Uint8Array, sink: FrameSink): number {
    let at = 0;
    const first = this.#parts[0];
    let tag = first ? this.#readTag(first, 0, first.length) : this.#carriedTag();
    while (tag === 0 && at < bytes.length) {
      this.#carryOn(bytes, at, at + 1, 0);
      at++;
      tag = this.#carriedTag();
    }
    if (tag === 0) return at;
    const size = (tag & 7) + Math.floor(tag / 8);
    const stop = Math.min(bytes.length, at + size - this.#held);
    this.#carryOn(bytes, at, stop, size);
    if (this.#held < size) return stop;
    const inPieces = this.#parts.length > 0;
    // Before the pieces are joined, which takes as much memory again.
    if (inPieces && !this.#reader && !this.#inflater) this.#checkPieces(tag & 7);
    const whole = this.#takeCarried(size);
    this.#decode(whole, tag & 7, size, size, sink, inPieces);
    return stop;
  }

  #carriedTag(): number {
    return this.#carry ? this.#readTag(this.#carry, 0, this.#inCarry) : 0;
  }

  #checkPieces(start: number): void {
    const [first, ...others] = this.#pieces();
    if (first) this.#check([first.subarray(start), ...others]);
  }

  /** Refuses JSON that would take too much to read. */
  #check(pieces: readonly Uint8Array[]): void {
    if (jsonPiecesExceedDepth(pieces, this.#maxDepth + 1))
      throw new BusError('ERR_PROTOCOL', `A packet is nested deeper than ${this.#maxDepth}`);
    if (jsonExceedsCost(pieces, this.#mostCost)) throw tooCostly(this.#mostCost);
  }

  #pieces(): Buffer[] {
    return this.#carry ? [...this.#parts, this.#carry.subarray(0, this.#inCarry)] : this.#parts;
  }

  #takeCarried(size: number): Buffer {
    const pieces = this.#pieces();
    const [whole = Buffer.alloc(0)] = pieces.length === 1 ? pieces : [Buffer.concat(pieces, size)];
    this.#carry = undefined;
    this.#parts = [];
    this.#held = 0;
    this.#inCarry = 0;
    return whole;
  }

  /**
   * Adds to the carried packet: large pieces are kept as they came, small ones are gathered. Room follows the bytes that
   * came, up to `size`, never the length that was announced.
   */
  #carryOn(bytes: Uint8Array, start: number, end: number, size: number): void {
    this.#held += end - start;
    if (size > 0 && end - start >= keepFrom) {
      if (this.#carry && this.#inCarry > 0) this.#parts.push(this.#carry.subarray(0, this.#inCarry));
      this.#carry = undefined;
      this.#inCarry = 0;
      this.#parts.push(Buffer.from(bytes.subarray(start, end)));
      return;
    }
    const inCarry = this.#inCarry + end - start;
    if (!this.#carry || inCarry > this.#carry.length) {
      const wanted = Math.max(smallestCarry, inCarry, (this.#carry?.length ?? 0) * 2);
      const grown = Buffer.allocUnsafe(size > 0 ? Math.min(wanted, Math.max(size, inCarry)) : wanted);
      if (this.#carry) this.#carry.copy(grown, 0, 0, this.#inCarry);
      this.#carry = grown;
    }
    this.#carry.set(bytes.subarray(start, end), this.#inCarry);
    this.#inCarry = inCarry;
  }

  #readTag(source: Uint8Array, at: number, end: number): number {
    const tag = readTag(source, at, end);
    if (tag < 0) throw new BusError('ERR_PROTOCOL', 'The length of a packet is too long');
    const length = Math.floor(tag / 8);
    if (length > this.#maxWireBytes) {
      throw new BusError(
        'ERR_TOO_LARGE',
        `A packet of ${length} bytes was announced; ${this.#maxFrameBytes} are allowed`,
      );
    }
    return tag;
  }

  /** `isChecked`: the packet is known not to nest too deep. */
  #decode(source: Buffer, start: number, end: number, size: number, sink: FrameSink, isChecked = false): void {
    let frame: Frame | undefined;
    if (this.#inflater) {
      const body = asBuffer(this.#inflater.process(source.subarray(start, end)));
      this.#inflated += body.length;
      frame = frameOfPacket(this.#parse(body, 0, body.length, false), body.length);
    } else {
      frame = frameOfPacket(this.#parse(source, start, end, isChecked), size);
    }
    const isLast = frame !== undefined && sink(frame) === false;
    this.#enough = isLast || this.#inflated >= inflateBytes;
  }

  #parse(source: Buffer, start: number, end: number, isChecked: boolean): unknown {
    if (end === start) throw new BusError('ERR_PROTOCOL', 'A packet is empty');
    try {
      if (this.#reader) return this.#reader.read(source, start, end, this.#maxDepth + 1, this.#mostCost);
      const body = source.subarray(start, end);
      if (!isChecked && body.length > scanFrom) this.#check([body]);
      const text = body.toString('utf8');
      const isSlow = mayHoldProto(text);
      if (isSlow && jsonExceedsCost([body], this.#mostCost / slowdown)) throw tooCostly(this.#mostCost / slowdown);
      return parseJson(text, isSlow);
    } catch (error) {
      if (error instanceof BusError) throw error;
      throw new BusError('ERR_PROTOCOL', 'A packet cannot be decoded', { cause: error });
    }
  }
}

interface Packet {
  readonly t?: unknown;
  readonly d?: unknown;
  readonly n?: unknown;
  readonly e?: unknown;
}

/** The frame a decoded packet stands for; undefined for types nobody knows. Throws `ERR_PROTOCOL`. */
function frameOfPacket(value: unknown, size: number): Frame | undefined {
  if (typeof value !== 'object' || value === null) throw new BusError('ERR_PROTOCOL', 'A packet is not an object');
  const packet: Packet = value;
  switch (packet.t) {
    case packetType.message:
      return { type: 'message', lane: 0, data: packet.d, confirm: false, size };
    case packetType.request:
      return { type: 'request', lane: 0, id: nonceOf(packet), data: packet.d, timeoutMs: undefined, size };
    case packetType.response: {
      const id = idOfAnswer(nonceOf(packet));
      if (packet.e === undefined) return { type: 'response', lane: 0, id, data: packet.d, size };
      return { type: 'failure', lane: 0, id, error: readFailure(packet.e), size };
    }
    case packetType.ping:
      return { type: 'ping', id: nonceOf(packet), data: packet.d, size };
    case packetType.pong: {
      const id = idOfAnswer(nonceOf(packet));
      return id === 0 ? { type: 'heartbeat-reply', size } : { type: 'pong', id, data: packet.d, size };
    }
    case packetType.end: {
      const { reason, allowReconnect, code } = asRefusal(packet.d);
      return { type: 'end', reason, allowReconnect, code, size };
    }
    case packetType.connection:
      throw new BusError('ERR_PROTOCOL', 'A second CONNECTION packet arrived');
    default:
      if (typeof packet.t !== 'number') throw new BusError('ERR_PROTOCOL', 'A packet has no type');
      return undefined;
  }
}

function nonceOf(packet: Packet): RequestId {
  if (!isNonce(packet.n)) throw new BusError('ERR_PROTOCOL', 'A packet lacks a nonce');
  return packet.n;
}
