import type { Log } from './log.ts';
import type { Needs } from './needs.ts';
import { readRecords } from './record-search.ts';
import type { Segment } from './repair.ts';

/** Where a record is that is needed for long. */
export interface KeptRecord {
  readonly sequence: number;
  /** It is about to be needed no more, and stays where it is. */
  isLeaving: boolean;
  /** It is needed no more. */
  free(): void;
}

interface Place extends KeptRecord {
  sequence: number;
  letGo: () => void;
  readonly bytes: number;
}

/** Records that are needed for long; they can be written again, so that what stands around them may go. */
export class KeptRecords {
  readonly #log: Log;
  readonly #needs: Needs;
  readonly #places = new Map<number, Place>();
  /** What reads and what moves wait for each other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(log: Log, needs: Needs) {
    this.#log = log;
    this.#needs = needs;
  }

  /** The record of this sequence, which is written and has this many bytes. */
  keep(sequence: number, bytes: number): KeptRecord {
    const place: Place = {
      sequence,
      bytes,
      isLeaving: false,
      letGo: this.#needs.hold(sequence, bytes),
      free: () => {
        this.#places.delete(place.sequence);
        place.letGo();
      },
    };
    this.#places.set(sequence, place);
    return place;
  }

  /** Whether some of the segment are kept. */
  areIn({ first, last }: Segment): boolean {
    for (const sequence of this.#places.keys()) if (sequence >= first && sequence <= last) return true;
    return false;
  }

  /** Reads those of these records that are kept still, in order. Rejects with the system's error. */
  read(
    records: readonly KeptRecord[],
    give: (record: KeptRecord, bytes: Uint8Array, start: number, end: number) => void,
  ): Promise<void> {
    return this.#inTurn(async () => {
      const sequences = records.map(({ sequence }) => sequence).filter((sequence) => this.#places.has(sequence));
      await readRecords(this.#log, sequences, (sequence, bytes, start, end) => {
        const place = this.#places.get(sequence);
        if (place !== undefined) give(place, bytes, start, end);
      });
    });
  }

  /**
   * Writes again, at the end, what is needed of the segment. Resolves with how many records that were; rejects the system's error,
   * or what the log failed with.
   */
  move({ first, last }: Segment): Promise<number> {
    return this.#inTurn(async () => {
      const sequences = [...this.#places.keys()].filter((sequence) => sequence >= first && sequence <= last);
      const bodies = new Map<Place, Uint8Array>();
      await readRecords(this.#log, sequences, (sequence, bytes, start, end) => {
        const place = this.#places.get(sequence);
        if (place !== undefined) bodies.set(place, bytes.slice(start, end));
      });
      // All with one write: what a segment begins with says of all of them that they are here, or there.
      const moved: [Place, number][] = [];
      for (const [place, body] of bodies) {
        if (this.#places.get(place.sequence) === place && !place.isLeaving) moved.push([place, this.#log.note(body)]);
      }
      await this.#log.pending;
      for (const [place, sequence] of moved) {
        if (this.#places.get(place.sequence) !== place) continue;
        this.#places.delete(place.sequence);
        this.#places.set(sequence, place);
        const letGo = place.letGo;
        place.letGo = this.#needs.hold(sequence, place.bytes);
        place.sequence = sequence;
        letGo();
      }
      return moved.length;
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}
