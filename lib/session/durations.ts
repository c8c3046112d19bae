/** Parts that each doubling of a round trip is counted in. */
const parts = 4;
const partBits = 2;
const slots = 32 * parts;

/** How long answers took to come, as counts of what lies close together: the parts of a doubling are at most 25 % wide. */
export class RoundTrips {
  count = 0;
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  readonly #counts = new Uint32Array(slots);

  /** One that took `ms`. */
  add(ms: number): void {
    const microseconds = Math.min(Math.max(1, Math.round(ms * 1_000)), 0x7fff_ffff);
    this.count += 1;
    this.sum += ms;
    if (ms < this.min) this.min = ms;
    this.#counts[slotOf(microseconds)] = (this.#counts[slotOf(microseconds)] as number) + 1;
  }

  merge(other: RoundTrips): void {
    this.count += other.count;
    this.sum += other.sum;
    this.min = Math.min(this.min, other.min);
    const [own, more] = [this.#counts, other.#counts];
    for (let slot = 0; slot < slots; slot++) {
      const count = more[slot] as number;
      if (count !== 0) own[slot] = (own[slot] as number) + count;
    }
  }

  /** Milliseconds that `share` of them did not take longer than, up to 25 % too many; 0 where there was none. */
  quantile(share: number): number {
    let left = Math.ceil(this.count * share);
    if (left === 0) return 0;
    for (let slot = 0; slot < slots; slot++) {
      left -= this.#at(slot);
      if (left <= 0) return endOf(slot) / 1_000;
    }
    return endOf(slots - 1) / 1_000;
  }

  /** How many took no longer than each bound in milliseconds, and longer than the one before; the last has none. */
  get buckets(): Record<string, number> {
    const counts: Record<string, number> = {};
    let slot = 0;
    const upTo = (end: number): number => {
      let count = 0;
      for (; slot < end; slot++) count += this.#at(slot);
      return count;
    };
    for (let doubling = shownDoublings.first; doubling <= shownDoublings.last; doubling++)
      counts[String(2 ** doubling / 1_000)] = upTo(slotOf(2 ** doubling));
    counts['Infinity'] = upTo(slots);
    return counts;
  }

  #at(slot: number): number {
    return this.#counts[slot] as number;
  }
}

/** The upper bounds of what round trips are shown in, in milliseconds: 64 microseconds to 16.8 seconds, doubled each time. */
const shownDoublings = { first: 6, last: 24 } as const;

/** The microseconds below `parts` have slots of their own; from there on each doubling has `parts` slots. */
function slotOf(microseconds: number): number {
  const doubling = 31 - Math.clz32(microseconds);
  if (doubling < partBits) return microseconds;
  return ((doubling - partBits + 1) << partBits) + ((microseconds >>> (doubling - partBits)) & (parts - 1));
}

/** The first microsecond behind a slot. */
function endOf(slot: number): number {
  if (slot < parts) return slot + 1;
  const doubling = (slot >>> partBits) + partBits - 1;
  return (parts + (slot & (parts - 1)) + 1) * 2 ** (doubling - partBits);
}

/** The upper bounds of what handler times are counted in, in milliseconds. */
export const handlerBoundsMs = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/** How long requests took to be answered, as a histogram. */
export class HandlerTimes {
  count = 0;
  sum = 0;
  /** How many took no longer than the bound of that place and longer than the one before; the last has no bound. */
  readonly buckets: number[] = Array.from({ length: handlerBoundsMs.length + 1 }, () => 0);

  /** One that took `ms`. */
  add(ms: number): void {
    let place = 0;
    while (place < handlerBoundsMs.length && ms > (handlerBoundsMs[place] as number)) place += 1;
    this.count += 1;
    this.sum += ms;
    this.buckets[place] = (this.buckets[place] as number) + 1;
  }

  merge(other: HandlerTimes): void {
    this.count += other.count;
    this.sum += other.sum;
    const { buckets } = this;
    for (let place = 0; place < buckets.length; place++) {
      buckets[place] = (buckets[place] as number) + (other.buckets[place] as number);
    }
  }
}
