import { Queue } from '../base/queue.ts';
import type { Entry } from './replay-buffer.ts';

interface Lane {
  readonly entries: Queue<Entry | undefined>;
  /** Bodies that ever waited. */
  added: number;
}

/** How many bodies had waited, by lane. */
export type QueuedMark = ReadonlyMap<number, number>;

const none = new Map<number, Lane>();

/** Whose the bodies are that wait to be cut, by lane, in the order of the encoder's queue. */
export class Queued {
  /** Made when the first body waits: most sessions never have one. */
  #lanes = none;
  count = 0;

  countOf(lane: number): number {
    return this.#lanes.get(lane)?.entries.length ?? 0;
  }

  /** Names those that wait now; undefined where none does. */
  get mark(): QueuedMark | undefined {
    return this.count === 0 ? undefined : new Map([...this.#lanes].map(([lane, { added }]) => [lane, added]));
  }

  /** Whether all that waited at `mark` were cut. */
  isCut(mark: QueuedMark): boolean {
    for (const [lane, { entries, added }] of this.#lanes)
      if (added - entries.length < (mark.get(lane) ?? 0)) return false;
    return true;
  }

  add(lane: number, entry: Entry | undefined): void {
    if (this.#lanes === none) this.#lanes = new Map();
    const waiting = this.#lanes.get(lane) ?? { entries: new Queue<Entry | undefined>(), added: 0 };
    this.#lanes.set(lane, waiting);
    waiting.entries.push(entry);
    waiting.added += 1;
    this.count += 1;
  }

  /** The owner of the body of `lane` that was cut to its end. */
  take(lane: number): Entry | undefined {
    this.count -= 1;
    return this.#lanes.get(lane)?.entries.shift();
  }

  /** Lets go of all, and returns those that have an owner. */
  abandon(): Entry[] {
    const left = [...this.#lanes.values()].flatMap(({ entries }) => entries.clear());
    this.#lanes = none;
    this.count = 0;
    return left.filter((entry) => entry !== undefined);
  }
}
