import { Queue } from '../../../base/queue.ts';
import type { Segment } from './repair.ts';

/** What one write has put into a segment. */
interface Written {
  readonly segment: Segment;
  readonly at: number;
  readonly end: number;
  readonly parts: readonly Uint8Array[];
  /** What it takes of memory. */
  readonly size: number;
  /** Its memory may be used again. */
  free(): void;
}

/**
 * The last records, while there is a reader: one that keeps up need not read them back from the file. What was read
 * once is released; a second reader uses the file.
 */
export class Tail {
  readonly #mostBytes: number;
  readonly #written = new Queue<Written>();
  #bytes = 0;
  #readers = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Somebody reads. Returns how that is over, once. */
  follow(): () => void {
    this.#readers += 1;
    return () => {
      this.#readers -= 1;
      if (this.#readers === 0) while (this.#written.length > 0) this.#shift();
    };
  }

  /** `parts` were written to the end of the segment, one behind the other. */
  add(segment: Segment, parts: readonly Uint8Array[], bytes: number, free: () => void): void {
    let size = 0;
    for (const { buffer } of parts) size += buffer.byteLength;
    const { bytes: end } = segment;
    this.#written.push({ segment, at: end - bytes, end, parts, size, free });
    this.#bytes += size;
    while (this.#written.length > 0 && (this.#readers === 0 || this.#bytes > this.#mostBytes)) this.#shift();
  }

  /** Fills `into` with what stands in the segment from `from` on; false where not all of that is here. */
  copy(segment: Segment, from: number, into: Uint8Array): boolean {
    const over = from + into.length;
    let at = from;
    let passed = 0;
    for (const written of this.#written) {
      if (at === over) break;
      if (written.segment === segment && written.end > at) {
        if (written.at > at) return false;
        at = copyParts(written, at, over, into, from);
      }
      if (written.end <= at || written.segment !== segment) passed += 1;
    }
    if (at < over) return false;
    for (; passed > 0; passed--) this.#shift();
    return true;
  }

  #shift(): void {
    const written = this.#written.shift();
    if (written === undefined) return;
    this.#bytes -= written.size;
    written.free();
  }
}

/** Copies what stands there from `at` on, up to `over`; returns where it has ended. `into` begins with what is at `from`. */
function copyParts({ at: start, parts }: Written, at: number, over: number, into: Uint8Array, from: number): number {
  let copied = at;
  let partAt = start;
  for (const part of parts) {
    const end = Math.min(over, partAt + part.length);
    if (end > copied) {
      into.set(part.subarray(copied - partAt, end - partAt), copied - from);
      copied = end;
    }
    partAt += part.length;
  }
  return copied;
}
