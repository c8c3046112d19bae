import type { Entry } from './outbox.ts';

/** Whose the bodies are that wait to be cut, by lane, in the order of the encoder's queue. */
export class Queued {
  /** Made when the first body waits: most sessions never have one. */
  #entries: Map<number, (Entry | undefined)[]> | undefined;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  countOf(lane: number): number {
    return this.#entries?.get(lane)?.length ?? 0;
  }

  add(lane: number, entry: Entry | undefined): void {
    this.#entries ??= new Map();
    const entries = this.#entries.get(lane);
    this.#count += 1;
    if (entries === undefined) this.#entries.set(lane, [entry]);
    else entries.push(entry);
  }

  /** The owner of the body of `lane` that was cut to its end. */
  take(lane: number): Entry | undefined {
    this.#count -= 1;
    return this.#entries?.get(lane)?.shift();
  }

  /** Lets go of all, and returns those that have an owner. */
  abandon(): Entry[] {
    const entries = [...(this.#entries?.values() ?? [])].flat();
    this.#entries = undefined;
    this.#count = 0;
    return entries.filter((entry) => entry !== undefined);
  }
}
