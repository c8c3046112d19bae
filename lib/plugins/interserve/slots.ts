import type { Clock, Timer } from '../../base/clock.ts';
import { type Asker, graceMs, isIdle } from './asker.ts';

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
  /** Those who hold slots and may be called off. */
  readonly askers: Set<Asker>;
}

/**
 * So many at once, and so many of one owner. A slot that becomes free goes to the owner that holds the fewest, among those
 * to the one that came or had a turn the longest ago: one that asks for a thousand keeps nobody else waiting for long.
 * With a clock, who holds one and does not use it makes room for owners that wait.
 */
export class Slots {
  readonly #perOwner: number | 'share';
  readonly #clock: Clock | undefined;
  #timer: Timer | undefined;
  #free: number;
  /** In the order in which they came or had their last turns. */
  readonly #owners = new Map<unknown, Owner>();

  /** `perOwner`: `share` for half of what others left, so that there is something for whoever comes. */
  constructor(count: number, perOwner: number | 'share' = count, clock?: Clock) {
    this.#free = count;
    this.#perOwner = perOwner;
    this.#clock = clock;
  }

  get waiting(): number {
    return [...this.#owners.values()].reduce((sum, { queue }) => sum + queue.size, 0);
  }

  take(key?: unknown, asker?: Asker): Turn {
    const owner = this.#owners.get(key) ?? { key, held: 0, queue: new Set(), askers: new Set() };
    this.#owners.set(key, owner);
    let isHeld = false;
    let isReleased = false;
    let resolve: () => void = () => {};
    const granted = new Promise<void>((settle) => (resolve = settle));
    const grant = () => {
      isHeld = true;
      if (asker !== undefined) owner.askers.add(asker);
      resolve();
    };
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      owner.queue.delete(grant);
      if (isHeld) {
        owner.held -= 1;
        this.#free += 1;
        if (asker !== undefined) owner.askers.delete(asker);
      }
      if (owner.held === 0 && owner.queue.size === 0) this.#owners.delete(key);
      this.#serve();
    };
    owner.queue.add(grant);
    this.#serve();
    this.#watch();
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

  /** Looks now and then at who holds slots, for as long as somebody waits. */
  #watch(): void {
    if (this.#clock === undefined || this.#timer !== undefined || this.waiting === 0) return;
    const look = (): void => {
      this.#timer = undefined;
      this.#callOff();
      this.#watch();
    };
    this.#timer = this.#clock.setTimer(look, graceMs, true);
  }

  #callOff(): void {
    for (const owner of [...this.#owners.values()]) {
      if (owner.queue.size > 0 && owner.held < this.#mostOf(owner, 1)) this.#takeFromOthers(owner);
    }
  }

  #takeFromOthers(owner: Owner): void {
    for (const other of this.#owners.values()) {
      const idle = other === owner ? undefined : [...other.askers].find(isIdle);
      if (idle === undefined) continue;
      other.askers.delete(idle);
      // Its next turn comes after those of whoever waits.
      this.#owners.delete(other.key);
      this.#owners.set(other.key, other);
      idle.callOff();
      return;
    }
  }

  #neediest(): Owner | undefined {
    let least: Owner | undefined;
    for (const owner of this.#owners.values()) {
      if (owner.queue.size > 0 && owner.held < Math.min(this.#mostOf(owner), least?.held ?? Infinity)) least = owner;
    }
    return least;
  }

  /** How many an owner may hold, with so many more that are free. */
  #mostOf({ held }: Owner, more = 0): number {
    return this.#perOwner === 'share' ? Math.ceil((this.#free + more + held) / 2) : this.#perOwner;
  }
}
