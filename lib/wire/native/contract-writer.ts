import {
  type AgreedContracts,
  type BodyContract,
  type BodyLimits,
  type ContractValue,
  isContractValue,
} from '../contracts.ts';
import type { BroadcastFrame, EncodedMessage } from '../dialect.ts';
import type { Slab } from '../../base/slab.ts';
import { contractFrame } from './broadcast-frame.ts';
import type { ChunkQueue } from './chunk-queue.ts';
import { checkBodySize, chunkBytes, Encoding, headerBytes, writeHeader } from './header.ts';
import { introBytes, introFlags, introOf, writeIntro } from './intro.ts';

/** Bodies up to this are copied by a few bytes at a time, which is quicker. */
const fewBytes = 512;
const stepBytes = 4;
/** What is longer is in a buffer that its contract does not write to again. */
const reusedBytes = 65_536;

/** Writes the frames of data that travels by a contract, and counts what does not. */
export class ContractWriter {
  readonly #slab: Slab;
  readonly #queue: ChunkQueue;
  readonly #agreed: AgreedContracts;
  readonly #limits: BodyLimits;
  /** The contract of the last message, and its number: many are often sent by one. */
  #last: BodyContract | undefined;
  #number: number | undefined;

  constructor(slab: Slab, queue: ChunkQueue, agreed: AgreedContracts, limits: BodyLimits) {
    this.#slab = slab;
    this.#queue = queue;
    this.#agreed = agreed;
    this.#limits = limits;
  }

  /** As the methods of the encoder; negative where the peer lacks the contract, or the value does not fit it. */
  write(
    type: number,
    flags: number,
    lane: number,
    id: number,
    data: ContractValue,
    timeoutMs: number,
    trace: Uint8Array | undefined,
  ): number {
    const { codec } = data.struct;
    if (codec !== this.#last) {
      this.#last = codec;
      this.#number = this.#agreed.numberOf(data);
    }
    const number = this.#number;
    const written = number === undefined ? undefined : codec.encode(data.value, number, this.#limits);
    if (written === undefined) {
      this.#agreed.fellBack();
      return -1;
    }
    const { buffer: from, view, length } = written;
    const prefix = introBytes(timeoutMs, trace);
    const bodyBytes = prefix + length;
    checkBodySize(trace === undefined ? bodyBytes : bodyBytes - trace.length, this.#limits.maxBytes);
    const allFlags = flags | Encoding.contract | introFlags(timeoutMs, trace);
    if (bodyBytes > chunkBytes || this.#queue.holds(lane)) {
      const isOurs = length > reusedBytes && from.length <= length * 2;
      const body = isOurs ? from.subarray(0, length) : new Uint8Array(from.subarray(0, length));
      return this.#queue.push(lane, type, allFlags, id, body, introOf(timeoutMs, trace));
    }
    const slab = this.#slab;
    slab.ensure(headerBytes + bodyBytes + stepBytes);
    const { buffer, position, view: to } = slab;
    const start = position + headerBytes + prefix;
    writeHeader(buffer, position, bodyBytes, type, allFlags, lane, id);
    if (prefix !== 0) writeIntro(buffer, position + headerBytes, timeoutMs, trace);
    if (length > fewBytes) buffer.set(from.subarray(0, length), start);
    else for (let at = 0; at < length; at += stepBytes) to.setUint32(start + at, view.getUint32(at));
    slab.position = start + length;
    return headerBytes + bodyBytes;
  }

  /** The frame of a message for many, made for the first peer that takes it; undefined for those that do not. */
  frameOf(message: EncodedMessage, lane: number): BroadcastFrame | undefined {
    const { data } = message;
    if (!isContractValue(data)) return undefined;
    const number = this.#agreed.numberOf(data);
    if (number !== undefined && message.contract === undefined) {
      message.contract = contractFrame(data, number, lane, this.#limits.maxDepth) ?? null;
    }
    const frame = number === undefined ? undefined : message.contract;
    if (frame) return frame;
    this.#agreed.fellBack();
    return undefined;
  }
}
