import type { Slab } from '../../base/slab.ts';
import { type BodyLimits, isContractValue } from '../contracts.ts';
import type { Definition, EncodedMessage, RecordFrame } from '../dialect.ts';
import { recordFrame } from './broadcast-frame.ts';
import { behindDefinitions, type BroadcastRecords, costOf, neededBy } from './broadcast-records.ts';
import type { ChunkQueue } from './chunk-queue.ts';
import { copyFrame, shareFrame } from './frame-copies.ts';
import { chunkBytes, Encoding, FrameType, headerBytes } from './header.ts';

const mostShapes = 64;

/** Writes messages for many by the records of the server, and knows which of those one peer has. */
export class RecordWriter {
  readonly #slab: Slab;
  readonly #queue: ChunkQueue;
  readonly #records: BroadcastRecords;
  readonly #limits: BodyLimits;
  /** By number: the version that the peer has; made when it gets the first one. */
  #versions: Uint32Array | undefined;
  /** The definitions of the frame that was written last, if the peer has them all. */
  #hasAllOf: readonly Definition[] | undefined;

  constructor(slab: Slab, queue: ChunkQueue, records: BroadcastRecords, limits: BodyLimits) {
    this.#slab = slab;
    this.#queue = queue;
    this.#records = records;
    this.#limits = limits;
  }

  /** As the methods of the encoder; negative where the message is better written without records. */
  write(message: EncodedMessage, lane: number): number {
    const { maxDepth } = this.#limits;
    if (message.records === undefined) {
      const { data } = message;
      message.records = recordFrame(this.#records, isContractValue(data) ? data.value : data, lane, maxDepth) ?? null;
    }
    const frame = message.records;
    // Bodies that wait to be cut are written later, and what comes behind them would count on their definitions.
    if (frame === null || !this.#fits(frame.end - frame.start, frame.cost) || this.#queue.holds(lane)) return -1;
    const { definitions, defines } = frame;
    const lacking = this.#hasAllOf === definitions ? nothing : this.#lacking(frame);
    const written = lacking.length === 0 ? shareFrame(this.#slab, frame, lane) : this.#teach(lacking, frame, lane);
    if (written >= 0 && this.#hasAllOf !== definitions) this.#told(definitions, lacking, defines);
    return written;
  }

  #fits(frameBytes: number, cost: number): boolean {
    const bodyBytes = frameBytes - headerBytes;
    const { maxBytes, mostCost } = this.#limits;
    return bodyBytes <= chunkBytes && bodyBytes <= maxBytes && cost <= mostCost;
  }

  #lacking({ buffer, start, end, definitions }: RecordFrame): readonly Definition[] {
    const versions = this.#versions;
    const needs = neededBy(buffer, start + headerBytes, end, definitions);
    return versions === undefined ? needs : needs.filter(({ id, version }) => versions[id] !== version);
  }

  #teach(lacking: readonly Definition[], frame: RecordFrame, lane: number): number {
    const body = behindDefinitions(lacking, frame.buffer.subarray(frame.start + headerBytes, frame.end));
    if (!this.#fits(headerBytes + body.length, costOf(body, frame.definitions))) return -1;
    return copyFrame(this.#slab, FrameType.message, Encoding.taught, lane, 0, body);
  }

  #told(all: readonly Definition[], lacking: readonly Definition[], defines: readonly Definition[]): void {
    const versions = (this.#versions ??= new Uint32Array(mostShapes));
    for (const { id, version } of lacking) versions[id] = version;
    for (const { id, version } of defines) versions[id] = version;
    this.#hasAllOf = all.every(({ id, version }) => versions[id] === version) ? all : undefined;
  }
}

const nothing: readonly Definition[] = [];
