import type { Log } from './log/log.ts';
import type { Segment } from './log/repair.ts';

/** Which segments of a log have a record that is still needed; all others go, wherever they stand. */
export class Needs {
  readonly #log: Log;
  readonly #counts = new Map<Segment, number>();
  /** What is behind it was not looked at yet, and stays. */
  #seen = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** All up to `sequence` was looked at. */
  see(sequence: number): void {
    this.#seen = sequence;
    if (this.#log.segments.length > 1) this.#sweep();
  }

  /** The record of this sequence, which is written, is needed. Returns how it is let go of, once. */
  hold(sequence: number): () => void {
    const segment = this.#log.segments.findLast(({ first }) => first <= sequence);
    if (segment === undefined) return () => {};
    this.#counts.set(segment, (this.#counts.get(segment) ?? 0) + 1);
    return () => this.#free(segment);
  }

  #free(segment: Segment): void {
    const left = (this.#counts.get(segment) ?? 0) - 1;
    if (left > 0) {
      this.#counts.set(segment, left);
      return;
    }
    this.#counts.delete(segment);
    if (this.#log.segments.length > 1) this.#sweep();
  }

  #sweep(): void {
    this.#log.keepOnly((segment) => segment.last > this.#seen || this.#counts.has(segment));
  }
}
