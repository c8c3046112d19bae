import { allocate } from '../../../base/bytes.ts';
import { recordHeaderBytes, sealRecord } from './record.ts';

const chunkBytes = 262_144;
/** Chunks that are kept for the next batches. */
const keptChunks = 8;

/** Chunks that were written and may be written again. */
export class ChunkPool {
  readonly #free: Uint8Array[] = [];

  take(bytes: number): Uint8Array {
    return (bytes <= chunkBytes ? this.#free.pop() : undefined) ?? allocate(Math.max(chunkBytes, bytes));
  }

  give(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      if (chunk.length === chunkBytes && this.#free.length < keptChunks) this.#free.push(chunk);
    }
  }
}

/** The records that go to the disk with one write, and those who wait for it. */
export class Batch {
  /** What all of them wait for. */
  readonly written: Promise<void>;
  /** How long its records are. */
  bytes = 0;
  /** The sequence of its first record; 0 before there is one. */
  first = 0;
  /** That of its last one. */
  last = 0;
  readonly #pool: ChunkPool;
  readonly #chunks: Uint8Array[] = [];
  readonly #ends: number[] = [];
  #chunk: Uint8Array | undefined;
  #position = 0;
  #resolve!: () => void;
  #reject!: (error: Error) => void;

  constructor(pool: ChunkPool) {
    this.#pool = pool;
    this.written = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever asks hears of it; that nobody does is no mistake of the program's.
    this.written.catch(() => {});
  }

  /** Adds a record of `head` and `body`. */
  add(sequence: number, head: Uint8Array, body: Uint8Array): void {
    const length = head.length + body.length;
    const whole = recordHeaderBytes + length;
    if (this.#chunk === undefined || this.#chunk.length - this.#position < whole) this.#begin(whole);
    const chunk = this.#chunk as Uint8Array;
    const at = this.#position;
    chunk.set(head, at + recordHeaderBytes);
    chunk.set(body, at + recordHeaderBytes + head.length);
    sealRecord(chunk, at, length, sequence);
    this.#position = at + whole;
    this.bytes += whole;
    if (this.first === 0) this.first = sequence;
    this.last = sequence;
  }

  /** What is to be written; nothing may be added any more. */
  take(): Uint8Array[] {
    this.#seal();
    return this.#chunks.map((chunk, index) => chunk.subarray(0, this.#ends[index]));
  }

  done(): void {
    this.#pool.give(this.#chunks);
    this.#resolve();
  }

  failed(error: Error): void {
    this.#reject(error);
  }

  #begin(bytes: number): void {
    this.#seal();
    this.#chunk = this.#pool.take(bytes);
    this.#chunks.push(this.#chunk);
    this.#position = 0;
  }

  #seal(): void {
    if (this.#chunk !== undefined) this.#ends.push(this.#position);
    this.#chunk = undefined;
  }
}
