/** The most keys that the shapes of one direction of a session have, and the bytes of them. */
const mostKeys = 65_536;
const mostBytes = 4 * 1_048_576;

const shapesOfLane = 64;

/** What all lanes of one direction of a session have defined. */
export interface ShapeTotals {
  keys: number;
  bytes: number;
}

/** What is known of the shapes of one lane, the same at both ends: what each takes, and so what all of them take. */
export class Shapes {
  /** Keys of the definitions that the last body had, and how many those were. */
  addedKeys = 0;
  added = 0;
  readonly #totals: ShapeTotals;
  readonly #share: number;
  readonly #keys = new Uint32Array(shapesOfLane);
  readonly #bytes = new Uint32Array(shapesOfLane);
  /** What was there before, by threes, in case that the body is not read after all. */
  readonly #before: number[] = [];

  /** `share`: of the limit, so that the writer stays below what is read. */
  constructor(totals: ShapeTotals, share = 1) {
    this.#totals = totals;
    this.#share = share;
  }

  /** A body follows. */
  begin(): void {
    this.added = 0;
    this.addedKeys = 0;
    this.#before.length = 0;
  }

  /** How many values follow the name of shape `id`; 0 where there is none. */
  keysOf(id: number): number {
    return this.#keys[id] as number;
  }

  /** Its keys stand from `start` to `end`. False where that is more than all shapes may take. */
  define(id: number, keys: number, start: number, end: number): boolean {
    const bytes = end - start;
    this.#before.push(id, this.#keys[id] as number, this.#bytes[id] as number);
    this.added += 1;
    this.addedKeys += keys;
    this.#set(id, keys, bytes);
    return this.#totals.keys <= mostKeys * this.#share && this.#totals.bytes <= mostBytes * this.#share;
  }

  /** The body that was begun last has defined nothing. */
  undo(): void {
    const before = this.#before;
    for (let at = before.length - 3; at >= 0; at -= 3) {
      this.#set(before[at] as number, before[at + 1] as number, before[at + 2] as number);
    }
    this.begin();
  }

  #set(id: number, keys: number, bytes: number): void {
    this.#totals.keys += keys - (this.#keys[id] as number);
    this.#totals.bytes += bytes - (this.#bytes[id] as number);
    this.#keys[id] = keys;
    this.#bytes[id] = bytes;
  }
}

/** A definition as msgpackr keeps it: the keys, and the function that reads an object of them. */
interface Structure extends Array<string> {
  read?: { count: number };
}

interface Guarded {
  structures: Structure[];
}

const mostStructures = 64;

/**
 * Runs `read` so that no code is made for what is defined meanwhile: msgpackr makes some for each shape that is read a
 * third time, which takes far longer than to read it, and there may be one for every few bytes.
 */
export function guardShapes<T>(unpackr: Guarded, read: () => T): T {
  const { structures } = unpackr;
  const guarded: Structure[] = [];
  for (let id = 0; id < mostStructures; id++) {
    Object.defineProperty(guarded, id, {
      get: () => structures[id],
      set: (structure: Structure) => {
        structures[id] = structure;
        keepFromCode(structure);
      },
    });
  }
  unpackr.structures = guarded;
  try {
    return read();
  } finally {
    unpackr.structures = structures;
  }
}

/** Its reader counts how often it was called, and makes code after a few; this one counts to no number. */
function keepFromCode(structure: Structure): void {
  Object.defineProperty(structure, 'read', {
    configurable: true,
    get: () => undefined,
    set: (reader: { count: number }) => {
      reader.count = Number.NaN;
      Object.defineProperty(structure, 'read', { configurable: true, writable: true, value: reader });
    },
  });
}
