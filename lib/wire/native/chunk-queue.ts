import { Queue } from '../../base/queue.ts';
import type { Asker, LaneQueue } from '../dialect.ts';
import type { Slab } from '../../base/slab.ts';
import { amendFrame, chunkBytes, Flag, headerBytes, writeHeader } from './header.ts';

interface Waiting {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  /** Bytes of ours that come before `body`, such as a deadline. */
  readonly intro: Uint8Array;
  readonly body: Uint8Array;
  /** How much of intro and body together was written. */
  offset: number;
}

const nothing = new Uint8Array(0);
const none = new Map<number, Queue<Waiting>>();
const noBytes = new Map<number, number>();

/** Bodies too large for one frame. Within a lane they keep their order; between lanes the chunks take turns. */
export class ChunkQueue implements LaneQueue {
  bytes = 0;
  lastBytes = 0;
  readonly #slab: Slab;
  readonly #withdraws: boolean;
  /** Made for the first large body; few sessions have one. */
  #lanes = none;
  #bytesByLane = noBytes;

  /** `withdraws`: whether the peer knows of requests that were withdrawn. */
  constructor(slab: Slab, withdraws: boolean) {
    this.#slab = slab;
    this.#withdraws = withdraws;
  }

  /** True while a frame of `lane` has to wait behind another. */
  holds(lane: number): boolean {
    return this.#lanes.size !== 0 && this.#lanes.has(lane);
  }

  /** Always 0: nothing was written yet. */
  push(lane: number, type: number, flags: number, id: number, body: Uint8Array, intro: Uint8Array = nothing): 0 {
    const waiting = { type, flags, id, intro, body, offset: 0 };
    if (this.#lanes === none) {
      this.#lanes = new Map();
      this.#bytesByLane = new Map();
    }
    let queue = this.#lanes.get(lane);
    if (queue === undefined) {
      queue = new Queue();
      this.#lanes.set(lane, queue);
    }
    queue.push(waiting);
    this.lastBytes = headerBytes + intro.length + body.length;
    this.#count(lane, intro.length + body.length);
    return 0;
  }

  writeChunk(asker?: Asker): { lane: number; bytes: number; first: boolean; last: boolean } | undefined {
    for (const [lane, queue] of this.#lanes) {
      const waiting = queue.first;
      this.#lanes.delete(lane);
      if (waiting === undefined) continue;
      const total = waiting.intro.length + waiting.body.length;
      const size = Math.min(chunkBytes, total - waiting.offset);
      const first = waiting.offset === 0;
      const last = waiting.offset + size === total;
      this.#writeFrame(lane, waiting, size, last, asker);
      this.#count(lane, -size);
      if (last) queue.shift();
      // Behind the others: a Map keeps the order of insertion.
      if (queue.length > 0) this.#lanes.set(lane, queue);
      return { lane, bytes: headerBytes + size, first, last };
    }
    return undefined;
  }

  bytesOf(lane: number): number {
    return this.#bytesByLane.get(lane) ?? 0;
  }

  #count(lane: number, bytes: number): void {
    this.bytes += bytes;
    this.#bytesByLane.set(lane, this.bytesOf(lane) + bytes);
  }

  #writeFrame(lane: number, waiting: Waiting, size: number, last: boolean, asker: Asker | undefined): void {
    const slab = this.#slab;
    const { intro, body, type, id } = waiting;
    const introLeft = intro.subarray(Math.min(waiting.offset, intro.length), waiting.offset + size);
    const bodyStart = Math.max(0, waiting.offset - intro.length);
    slab.ensure(headerBytes + introLeft.length);
    writeHeader(slab.buffer, slab.position, size, type, last ? waiting.flags : waiting.flags | Flag.more, lane, id);
    slab.buffer.set(introLeft, slab.position + headerBytes);
    if (asker !== undefined) amendFrame(slab.buffer, slab.position, waiting.offset === 0, asker, this.#withdraws);
    slab.position += headerBytes + introLeft.length;
    if (size > introLeft.length) slab.adopt(body.subarray(bodyStart, bodyStart + size - introLeft.length));
    waiting.offset += size;
  }
}
