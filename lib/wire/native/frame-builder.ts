import { BusError } from '../../base/errors.ts';
import { readFailure } from '../../base/failure.ts';
import type { AgreedContracts, BodyLimits } from '../contracts.ts';
import { asEnd, asLaneName, type Frame } from '../frames.ts';
import { mostCost } from '../codec/body-cost.ts';
import { BodyReader } from './body-codec.ts';
import { Encoding, encodingMask, Flag, FrameType, wantsAnswer, readUint32 } from './header.ts';
import { readTrace, traceBytes } from './intro.ts';
import { rawCopy, rawValue } from './raw-body.ts';

/** Raw bodies up to this are copied out, so that none keeps a buffer alive of which it is less than half. */
export const copyBytes = 32_768;

/** How much deeper than its body a list of definitions and the body is: a definition is in a list within it. */
const levelsOfTaught = 2;

export interface FrameBuilderOptions {
  readonly records: boolean;
  readonly maxDepth: number;
  readonly maxFrameBytes: number;
  readonly contracts?: AgreedContracts | undefined;
  /** Whether the peer may write by records that it has for all of its peers. */
  readonly shared?: boolean | undefined;
  /** Whether the peer may say to which trace a message or request belongs. */
  readonly traces?: boolean | undefined;
}

/** Makes a frame of a header and a whole body. */
export class FrameBuilder {
  readonly #readerOf: (lane: number | 'shared') => BodyReader;
  #plain: BodyReader | undefined;
  readonly #options: FrameBuilderOptions;
  readonly #mostCost: number;
  readonly #limits: BodyLimits | undefined;

  constructor(readerOf: (lane: number | 'shared') => BodyReader, options: FrameBuilderOptions) {
    this.#readerOf = readerOf;
    this.#options = options;
    this.#mostCost = mostCost(options.maxFrameBytes);
    if (options.contracts !== undefined) {
      this.#limits = { maxBytes: options.maxFrameBytes, mostCost: this.#mostCost, maxDepth: options.maxDepth };
    }
  }

  build(
    type: number,
    flags: number,
    lane: number,
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    size: number,
  ): Frame {
    let timeoutMs: number | undefined;
    if ((flags & Flag.deadline) !== 0) {
      if (end - start < 4) throw new BusError('ERR_PROTOCOL', 'A body is too short for its deadline');
      timeoutMs = readUint32(bytes, start);
      start += 4;
    }
    if ((flags & Flag.trace) !== 0) {
      if (this.#options.traces !== true) throw new BusError('ERR_PROTOCOL', 'Trace contexts were not agreed on');
      const trace = readTrace(type, bytes, start, end);
      const others = flags & ~(Flag.trace | Flag.deadline);
      const frame = this.build(type, others, lane, id, bytes, start + traceBytes, end, size);
      if (frame.type === 'request') return { ...frame, timeoutMs, trace };
      return frame.type === 'message' ? { ...frame, trace } : frame;
    }
    // Read even so: later bodies may count on what it defines.
    const data = this.#body(flags & encodingMask, lane, bytes, start, end);
    if ((flags & Flag.withdrawn) !== 0 && wantsAnswer(type)) return { type: 'part', lane, size };
    switch (type) {
      case FrameType.message:
        if ((flags & Flag.confirm) === 0) return { type: 'message', lane, data, confirm: false, size };
        return id === 0
          ? { type: 'message', lane, data, confirm: true, size }
          : { type: 'message', lane, data, confirm: true, id, size };
      case FrameType.request:
        return { type: 'request', lane, id, data, timeoutMs, size };
      case FrameType.response:
        return { type: 'response', lane, id, data, size };
      case FrameType.failure:
        return { type: 'failure', lane, id, error: readFailure(data), size };
      case FrameType.cancel:
        return { type: 'cancel', lane, id, size };
      case FrameType.ping:
        return { type: 'ping', id, data, size };
      case FrameType.pong:
        return { type: 'pong', id, data, size };
      case FrameType.end:
        return asEnd(data, size);
      case FrameType.open:
        return { type: 'open', lane, name: asLaneName(data), size };
      case FrameType.ack:
        return { type: 'ack', received: id, size };
      case FrameType.heartbeat:
        return { type: 'heartbeat', size };
      case FrameType.heartbeatReply:
        return { type: 'heartbeat-reply', size };
      case FrameType.pause:
        return { type: 'pause', size };
      case FrameType.resume:
        return { type: 'resume', size };
      case FrameType.goingAway:
        return { type: 'going-away', size };
      default:
        throw new BusError('ERR_PROTOCOL', `Unknown frame type ${type}`);
    }
  }

  #body(encoding: number, lane: number, bytes: Uint8Array, start: number, end: number): unknown {
    switch (encoding) {
      case Encoding.none:
        if (start !== end) throw new BusError('ERR_PROTOCOL', 'A body was not announced');
        return undefined;
      case Encoding.raw: {
        if (start === end) throw new BusError('ERR_PROTOCOL', 'Binary data without its kind');
        const found = bytes.subarray(start + 1, end);
        const kind = bytes[start] as number;
        return found.length > copyBytes ? rawValue(kind, found) : rawCopy(kind, found);
      }
      case Encoding.records:
        if (!this.#options.records) throw new BusError('ERR_PROTOCOL', 'Record definitions were not agreed on');
        return this.#readerOf(lane).read(bytes, start, end, this.#options.maxDepth, this.#mostCost);
      case Encoding.contract:
        return this.#byContract(bytes, start, end);
      case Encoding.shared:
        return this.#byShared(bytes, start, end, 0);
      case Encoding.taught: {
        const taught = this.#byShared(bytes, start, end, levelsOfTaught);
        if (Array.isArray(taught) && taught.length === 2) return taught[1];
        throw new BusError('ERR_PROTOCOL', 'Definitions are not followed by a body');
      }
      case Encoding.plain:
        this.#plain ??= new BodyReader();
        return this.#plain.read(bytes, start, end, this.#options.maxDepth, this.#mostCost);
      default:
        throw new BusError('ERR_PROTOCOL', 'A body has two encodings');
    }
  }

  #byShared(bytes: Uint8Array, start: number, end: number, levels: number): unknown {
    if (this.#options.shared !== true) throw new BusError('ERR_PROTOCOL', 'Shared definitions were not agreed on');
    return this.#readerOf('shared').read(bytes, start, end, this.#options.maxDepth + levels, this.#mostCost);
  }

  #byContract(bytes: Uint8Array, start: number, end: number): unknown {
    const contract = start < end ? this.#options.contracts?.of(bytes[start] as number) : undefined;
    if (contract === undefined || this.#limits === undefined) {
      throw new BusError('ERR_PROTOCOL', 'A contract was not agreed on');
    }
    return contract.decode(bytes, start + 1, end, this.#limits);
  }
}
