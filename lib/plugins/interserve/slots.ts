/** A place in the queue for a slot. */
export interface Turn {
  /** Resolves when the slot is there; never, if it was given back before. */
  readonly granted: Promise<void>;
  /** Gives the slot, or the place in the queue, back. */
  release(): void;
}

interface Owner {
  held: number;
  readonly queue: Set<() => void>;
}

/**
 * So many at once. A slot that becomes free goes to the owner that holds the fewest, in the order they came: one that asks
 * for a thousand keeps nobody else waiting for long.
 */
export class Slots {
  #free: number;
  readonly #owners = new Map<unknown, Owner>();

  constructor(count: number) {
    this.#free = count;
  }

  get waiting(): number {
    return [...this.#owners.values()].reduce((sum, { queue }) => sum + queue.size, 0);
  }

  take(key?: unknown): Turn {
    const owner = this.#owners.get(key) ?? { held: 0, queue: new Set() };
    this.#owners.set(key, owner);
    let isHeld = false;
    let isReleased = false;
    let resolve: () => void = () => {};
    const granted = new Promise<void>((settle) => (resolve = settle));
    const grant = () => {
      isHeld = true;
      owner.held += 1;
      this.#free -= 1;
      resolve();
    };
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      owner.queue.delete(grant);
      if (isHeld) owner.held -= 1;
      if (owner.held === 0 && owner.queue.size === 0) this.#owners.delete(key);
      if (isHeld) this.#next();
    };
    if (this.#free > 0) grant();
    else owner.queue.add(grant);
    return { granted, release };
  }

  #next(): void {
    this.#free += 1;
    let least: Owner | undefined;
    for (const owner of this.#owners.values()) {
      if (owner.queue.size > 0 && owner.held < (least?.held ?? Infinity)) least = owner;
    }
    for (const grant of least?.queue ?? []) {
      least?.queue.delete(grant);
      grant();
      return;
    }
  }
}
