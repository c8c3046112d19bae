import { SenderCounts } from './sender-counts.ts';

/** A sender may have this many times what is free: alone four fifths, and a further one finds room. */
const mostOfFree = 4;
const mostPlaces = 1_000;

/** Whether who has `has` may have one more, of what is free: one that has none may, whatever others have. */
export function mayHave(has: number, free: number): boolean {
  return has === 0 || has < mostOfFree * free;
}

/** What handlers have at a time and is not settled, so that no sender keeps the others out. */
export class Places {
  readonly #taken = new SenderCounts();
  /** Somebody found no room since one was given back. */
  #isShort = false;

  hasRoom(folder: string): boolean {
    const { all } = this.#taken;
    if (all === 0 || mayHave(this.#taken.of(folder), mostPlaces - all)) return true;
    this.#isShort = true;
    return false;
  }

  take(folder: string): void {
    this.#taken.change(folder, 1);
  }

  /** Whether somebody waits for room. */
  give(folder: string): boolean {
    this.#taken.change(folder, -1);
    const wasShort = this.#isShort;
    this.#isShort = false;
    return wasShort;
  }
}
