import { allocate } from '../../base/bytes.ts';
import type { BodyContract, ContractValue } from '../contracts.ts';
import type { BroadcastFrame, Definition, RecordFrame } from '../dialect.ts';
import { BodyPacker, BodyReader, type Packed, roomBytes } from './body-codec.ts';
import { behindDefinitions, type BroadcastRecords, neededBy, type PackedByRecords } from './broadcast-records.ts';
import { Encoding, FrameType, headerBytes, writeHeader } from './header.ts';
import { isRaw, rawBytes, rawCopy, rawKind } from './raw-body.ts';

const slabBytes = 65_536;
/** What is longer has a buffer of its own. */
const longestShared = 16_384;

/** Without records packer and reader have no state of their own, so one of each serves all broadcasts. */
const packer = new BodyPacker();
const reader = new BodyReader();

/**
 * Where broadcasts are written, one behind the other and never twice: the links and outboxes of all peers hold the same
 * bytes, and those that follow each other are one piece.
 */
const shared: { buffer: Uint8Array; position: number } = { buffer: new Uint8Array(0), position: 0 };

class WrittenFrame implements BroadcastFrame {
  readonly encoding: number;
  readonly lane: number;
  readonly buffer: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly cost: number;

  /** Writes the header before a body that stands behind `start + headerBytes` already. */
  constructor(encoding: number, lane: number, buffer: Uint8Array, start: number, end: number, cost = 0) {
    this.encoding = encoding;
    this.lane = lane;
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.cost = cost;
    writeHeader(buffer, start, end - start - headerBytes, FrameType.message, encoding, lane, 0);
    if (buffer === shared.buffer) shared.position = end;
  }

  get data(): unknown {
    const bodyStart = this.start + headerBytes;
    switch (this.encoding) {
      case Encoding.none:
        return undefined;
      case Encoding.raw:
        return rawCopy(this.buffer[bodyStart] as number, this.buffer.subarray(bodyStart + 1, this.end));
      default:
        try {
          return reader.read(this.buffer, bodyStart, this.end, Infinity, Infinity);
        } catch {
          // A toJSON can write what nobody reads; whoever asks is about to report the message, not to read it.
          return undefined;
        }
    }
  }
}

/**
 * A message that every peer takes: it refers to nothing that one session has defined.
 * @throws BusError `ERR_UNENCODABLE`.
 */
export function broadcastFrame(data: unknown, lane: number, maxDepth: number): BroadcastFrame {
  if (data === undefined) {
    const { buffer, at } = place(headerBytes);
    return new WrittenFrame(Encoding.none, lane, buffer, at, at + headerBytes);
  }
  if (isRaw(data)) {
    const kind = rawKind(data);
    const bytes = rawBytes(data);
    const size = headerBytes + 1 + bytes.length;
    const { buffer, at } = place(size);
    buffer[at + headerBytes] = kind;
    buffer.set(bytes, at + headerBytes + 1);
    return new WrittenFrame(Encoding.raw, lane, buffer, at, at + size);
  }
  const { buffer, at } = place(headerBytes + roomBytes);
  const packed = packer.pack(data, buffer, at, headerBytes, maxDepth);
  return new WrittenFrame(Encoding.plain, lane, ...placeOf(packed, buffer), packed.cost);
}

/** Where the frame of a packed body begins and ends, once it is in the shared buffer if it is short. */
function placeOf(
  packed: Pick<Packed, 'buffer' | 'start' | 'end'>,
  buffer: Uint8Array,
): [buffer: Uint8Array, start: number, end: number] {
  const start = packed.start - headerBytes;
  const size = packed.end - start;
  if (packed.buffer === buffer || size > longestShared) return [packed.buffer, start, packed.end];
  // There was too little room for it.
  const next = renew();
  next.buffer.set(packed.buffer.subarray(start, packed.end));
  return [next.buffer, 0, size];
}

class SharedRecordFrame extends WrittenFrame implements RecordFrame {
  readonly definitions: readonly Definition[];
  readonly defines: readonly Definition[];

  constructor(packed: PackedByRecords, lane: number, buffer: Uint8Array) {
    super(Encoding.shared, lane, ...placeOf(packed, buffer), packed.cost);
    this.definitions = packed.definitions;
    this.defines = packed.defines;
  }

  override get data(): unknown {
    const { buffer, start, end, definitions } = this;
    const needs = neededBy(buffer, start + headerBytes, end, definitions);
    const body = behindDefinitions(needs, buffer.subarray(start + headerBytes, end));
    try {
      const read = new BodyReader({ keys: 0, bytes: 0 }).read(body, 0, body.length, Infinity, Infinity);
      return (read as [unknown, unknown])[1];
    } catch {
      return undefined;
    }
  }
}

/**
 * A message for every peer that takes the records of the server; undefined where it is better written without.
 * @throws BusError `ERR_UNENCODABLE`.
 */
export function recordFrame(
  records: BroadcastRecords,
  data: unknown,
  lane: number,
  maxDepth: number,
): RecordFrame | undefined {
  if (typeof data !== 'object' || data === null || isRaw(data)) return undefined;
  const { buffer, at } = place(headerBytes + roomBytes);
  const packed = records.pack(data, buffer, at, headerBytes, maxDepth);
  if (packed === undefined) return undefined;
  return new SharedRecordFrame(packed, lane, buffer);
}

/** Nobody is refused what others take: each encoder looks whether its peer does. */
const anyBody = { maxBytes: 0x7fffffff, mostCost: Number.POSITIVE_INFINITY };

class ContractFrame extends WrittenFrame {
  readonly #contract: BodyContract;

  constructor(contract: BodyContract, lane: number, buffer: Uint8Array, start: number, end: number, cost: number) {
    super(Encoding.contract, lane, buffer, start, end, cost);
    this.#contract = contract;
  }

  override get data(): unknown {
    const start = this.start + headerBytes + 1;
    return this.#contract.decode(this.buffer, start, this.end, { ...anyBody, maxDepth: Number.POSITIVE_INFINITY });
  }
}

/**
 * A message that every peer takes which has the contract of `data`, of which `number` is this end's name; undefined where
 * the value does not fit.
 * @throws BusError `ERR_UNENCODABLE`.
 */
export function contractFrame(
  data: ContractValue,
  number: number,
  lane: number,
  maxDepth: number,
): BroadcastFrame | undefined {
  const contract = data.struct.codec;
  const written = contract.encode(data.value, number, { ...anyBody, maxDepth });
  if (written === undefined) return undefined;
  const size = headerBytes + written.length;
  const { buffer, at } = place(size);
  buffer.set(written.buffer.subarray(0, written.length), at + headerBytes);
  return new ContractFrame(contract, lane, buffer, at, at + size, written.cost);
}

/** Room for `bytes`, in the shared buffer if they are few. */
function place(bytes: number): { readonly buffer: Uint8Array; readonly at: number } {
  if (bytes > longestShared) return { buffer: allocate(bytes), at: 0 };
  const { buffer, position } = shared;
  return buffer.length - position < bytes ? renew() : { buffer, at: position };
}

function renew(): { readonly buffer: Uint8Array; readonly at: number } {
  shared.buffer = allocate(slabBytes);
  shared.position = 0;
  return { buffer: shared.buffer, at: 0 };
}
