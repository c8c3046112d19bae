import { allocate } from '../../../base/bytes.ts';
import { recordHeaderBytes, sealRecord } from './record.ts';

/** A batch begins with a small one: a process may have thousands of logs, and most of them write little. */
const smallBytes = 8_192;
const chunkBytes = 262_144;
/** Chunks that are kept for the next batches of all logs. */
const keptChunks = 16;

/** Those that were written and may be written again. */
const free = new Map<number, Uint8Array[]>([
  [smallBytes, []],
  [chunkBytes, []],
]);

function takeChunk(bytes: number, isFirst: boolean): Uint8Array {
  const usual = isFirst ? smallBytes : chunkBytes;
  return (bytes <= usual ? free.get(usual)?.pop() : undefined) ?? allocate(Math.max(usual, bytes));
}

function giveChunks(chunks: readonly Uint8Array[]): void {
  for (const chunk of chunks) {
    const same = free.get(chunk.length);
    if (same !== undefined && same.length < keptChunks) same.push(chunk);
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
  readonly #chunks: Uint8Array[] = [];
  readonly #ends: number[] = [];
  #chunk: Uint8Array | undefined;
  #position = 0;
  #resolve!: () => void;
  #reject!: (error: Error) => void;

  constructor() {
    this.written = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever asks learns of it; that nobody does is not a mistake of the program's.
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
    this.#resolve();
  }

  /** Its memory may be used again: nothing refers to the records in it any more. */
  free(): void {
    giveChunks(this.#chunks);
  }

  failed(error: Error): void {
    this.#reject(error);
  }

  #begin(bytes: number): void {
    this.#seal();
    this.#chunk = takeChunk(bytes, this.#chunks.length === 0);
    this.#chunks.push(this.#chunk);
    this.#position = 0;
  }

  #seal(): void {
    if (this.#chunk !== undefined) this.#ends.push(this.#position);
    this.#chunk = undefined;
  }
}
