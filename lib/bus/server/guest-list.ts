/** How many there may be. */
export interface GuestLimits {
  /** Of all; 0 and Infinity mean no limit. */
  readonly max: number;
  /** Of those without a link, and of those from one address. */
  readonly maxDetached: number;
  readonly maxDetachedPerAddress: number;
}

/** What a full house does to a guest. */
export interface GuestEvents<Guest> {
  /** It has no link, and makes room for others. */
  forgotten(guest: Guest): void;
  /** It has a link, as have many others of its address. */
  crowdedOut(guest: Guest): void;
}

/** Who is here, from where and for how long without a link; and who has to make room. */
export class GuestList<Guest> {
  readonly #limits: GuestLimits;
  readonly #events: GuestEvents<Guest>;
  readonly #addresses = new Map<Guest, string>();
  /** By address, in the order they came. */
  readonly #present = new Map<string, Set<Guest>>();
  /** Those without a link, in the order they lost it; all, and by address. */
  readonly #detached = new Set<Guest>();
  readonly #detachedOf = new Map<string, Set<Guest>>();

  constructor(limits: GuestLimits, events: GuestEvents<Guest>) {
    this.#limits = limits;
    this.#events = events;
  }

  /** False where the house is full and nobody makes room for one of `address`. */
  hasRoom(address: string): boolean {
    const { max } = this.#limits;
    if (max === 0 || this.#addresses.size < max) return true;
    const [oldest] = this.#detached;
    if (oldest !== undefined) {
      this.#events.forgotten(oldest);
      return this.#addresses.size < max;
    }
    const crowd = this.#largest();
    // Who has as many here as anybody else has to wait.
    if (crowd.size <= (this.#present.get(address)?.size ?? 0) + 1) return false;
    const newest = [...crowd].at(-1);
    if (newest !== undefined) this.#events.crowdedOut(newest);
    return this.#addresses.size < max;
  }

  add(guest: Guest, address: string): void {
    this.#addresses.set(guest, address);
    enter(this.#present, address, guest);
  }

  attached(guest: Guest): void {
    this.#detached.delete(guest);
    leave(this.#detachedOf, this.#addresses.get(guest), guest);
  }

  detached(guest: Guest): void {
    const address = this.#addresses.get(guest);
    if (address === undefined) return;
    const { maxDetached, maxDetachedPerAddress } = this.#limits;
    this.#detached.add(guest);
    const others = enter(this.#detachedOf, address, guest);
    const [first] =
      others.size > maxDetachedPerAddress ? others : this.#detached.size > maxDetached ? this.#detached : [];
    if (first !== undefined) this.#events.forgotten(first);
  }

  remove(guest: Guest): void {
    this.attached(guest);
    leave(this.#present, this.#addresses.get(guest), guest);
    this.#addresses.delete(guest);
  }

  #largest(): ReadonlySet<Guest> {
    let largest: ReadonlySet<Guest> = new Set();
    for (const guests of this.#present.values()) if (guests.size > largest.size) largest = guests;
    return largest;
  }
}

function enter<Guest>(groups: Map<string, Set<Guest>>, address: string, guest: Guest): Set<Guest> {
  let group = groups.get(address);
  if (group === undefined) {
    group = new Set();
    groups.set(address, group);
  }
  return group.add(guest);
}

function leave<Guest>(groups: Map<string, Set<Guest>>, address: string | undefined, guest: Guest): void {
  const group = address === undefined ? undefined : groups.get(address);
  if (address === undefined || group === undefined) return;
  group.delete(guest);
  if (group.size === 0) groups.delete(address);
}
