/** A place in the queue for a slot. */
export interface Turn {
  /** Resolves when the slot is there; never, if it was given back before. */
  readonly granted: Promise<void>;
  /** Gives the slot, or the place in the queue, back. */
  release(): void;
}

interface Owner {
  readonly key: unknown;
  held: number;
  readonly queue: Set<() => void>;
}

/**
 * So many at once, and so many of one owner. A slot that becomes free goes to the owner that holds the fewest, among those
 * to the one that came or had a turn the longest ago: one that asks for a thousand keeps nobody else waiting for long.
 */
export class Slots {
  readonly #perOwner: number | 'share';
  #free: number;
  /** In the order in which they came or had their last turns. */
  readonly #owners = new Map<unknown, Owner>();

  /** `perOwner`: `share` for half of what others left, so that there is something for whoever comes. */
  constructor(count: number, perOwner: number | 'share' = count) {
    this.#free = count;
    this.#perOwner = perOwner;
  }

  get waiting(): number {
    return [...this.#owners.values()].reduce((sum, { queue }) => sum + queue.size, 0);
  }

  take(key?: unknown): Turn {
    const owner = this.#owners.get(key) ?? { key, held: 0, queue: new Set() };
    this.#owners.set(key, owner);
    let isHeld = false;
    let isReleased = false;
    let resolve: () => void = () => {};
    const granted = new Promise<void>((settle) => (resolve = settle));
    const grant = () => {
      isHeld = true;
      resolve();
    };
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      owner.queue.delete(grant);
      if (isHeld) {
        owner.held -= 1;
        this.#free += 1;
      }
      if (owner.held === 0 && owner.queue.size === 0) this.#owners.delete(key);
      this.#serve();
    };
    owner.queue.add(grant);
    this.#serve();
    return { granted, release };
  }

  #serve(): void {
    while (this.#free > 0) {
      const owner = this.#neediest();
      if (owner === undefined) return;
      const [grant] = owner.queue;
      if (grant === undefined) return;
      owner.queue.delete(grant);
      owner.held += 1;
      this.#free -= 1;
      this.#owners.delete(owner.key);
      this.#owners.set(owner.key, owner);
      grant();
    }
  }

  #neediest(): Owner | undefined {
    let least: Owner | undefined;
    for (const owner of this.#owners.values()) {
      if (owner.queue.size > 0 && owner.held < Math.min(this.#mostOf(owner), least?.held ?? Infinity)) least = owner;
    }
    return least;
  }

  #mostOf({ held }: Owner): number {
    return this.#perOwner === 'share' ? Math.ceil((this.#free + held) / 2) : this.#perOwner;
  }
}
