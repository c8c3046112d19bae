/** A place in the queue for a slot. */
export interface Turn {
  /** Resolves when the slot is there; never, if it was given back before. */
  readonly granted: Promise<void>;
  /** Gives the slot, or the place in the queue, back. */
  release(): void;
}

/** So many at once, the others in the order they came. */
export class Slots {
  #free: number;
  readonly #queue = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  take(): Turn {
    let held = false;
    let released = false;
    let grant: () => void = () => {};
    const granted = new Promise<void>((resolve) => {
      grant = () => {
        held = true;
        this.#free -= 1;
        resolve();
      };
    });
    if (this.#free > 0 && this.#queue.size === 0) grant();
    else this.#queue.add(grant);
    const release = () => {
      if (released) return;
      released = true;
      if (!held) this.#queue.delete(grant);
      else this.#next();
    };
    return { granted, release };
  }

  #next(): void {
    this.#free += 1;
    for (const grant of this.#queue) {
      if (this.#free === 0) break;
      this.#queue.delete(grant);
      grant();
    }
  }
}
