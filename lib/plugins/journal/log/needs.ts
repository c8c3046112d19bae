import type { Log } from './log.ts';
import type { Segment } from './repair.ts';

interface Need {
  count: number;
  /** How many of them can be written again at the end, and how long they are. */
  movable: number;
  movableBytes: number;
}

/** Which segments of a log have a record that is still needed; all others go, wherever they stand. */
export class Needs {
  readonly #log: Log;
  readonly #needs = new Map<Segment, Need>();
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

  /**
   * The record of this sequence, which is written, is needed. Returns how it is released, once. `movableBytes`: of one that
   * can be written again.
   */
  hold(sequence: number, movableBytes = 0): () => void {
    const segment = this.#log.segments.findLast(({ first }) => first <= sequence);
    if (segment === undefined) return () => {};
    const need = this.#needs.get(segment) ?? { count: 0, movable: 0, movableBytes: 0 };
    this.#needs.set(segment, need);
    const isMovable = movableBytes > 0 ? 1 : 0;
    need.count += 1;
    need.movable += isMovable;
    need.movableBytes += movableBytes;
    return () => {
      need.count -= 1;
      need.movable -= isMovable;
      need.movableBytes -= movableBytes;
      if (need.count === 0) this.#free(segment);
    };
  }

  /** The oldest segment that would be free if that part of it or less were written again. */
  sparse(part: number): Segment | undefined {
    return this.movable.find((segment) => (this.#needs.get(segment)?.movableBytes ?? 0) <= segment.bytes * part);
  }

  /** The segments of which only what can be written again is needed. */
  get movable(): Segment[] {
    const last = this.#log.segments.at(-1);
    return this.#log.segments.filter((segment) => {
      const need = this.#needs.get(segment);
      return need?.count === need?.movable && need !== undefined && segment !== last && segment.last <= this.#seen;
    });
  }

  #free(segment: Segment): void {
    this.#needs.delete(segment);
    if (this.#log.segments.length > 1) this.#sweep();
  }

  #sweep(): void {
    this.#log.keepOnly((segment) => segment.last > this.#seen || this.#needs.has(segment));
  }
}
