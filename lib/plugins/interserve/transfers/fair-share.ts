import type { Clock, Timer } from '../../../base/clock.ts';
import { transferError } from '../outcomes.ts';

/** The pace an upload has to keep on average while others find no room. */
const leastBytesPerSecond = 16 * 1024;
/** Time an upload has before the pace counts. */
const graceMs = 2_000;
/** The least a transfer counts as, because each takes memory. */
const leastBytes = 64 * 1024;

/** An upload that holds a permit or a part of the quota, and loses it to waiting ones if it is slow. */
export interface PreemptibleUpload {
  readonly peer: unknown;
  /** Milliseconds since it may send; undefined while it may not. */
  sinceMs(): number | undefined;
  /** Bytes that came. */
  arrived(): number;
  /** Ends the upload: it was too slow while others waited. */
  preempt(): void;
}

/** Whether the upload has had time and has sent too little. */
function isSlow(upload: PreemptibleUpload): boolean {
  const since = upload.sinceMs();
  return since !== undefined && since > graceMs && upload.arrived() < (leastBytesPerSecond * since) / 1_000;
}

/** The right to transfer, or a place in the queue for it. */
export interface Permit {
  /** Resolves when the permit is granted; never, if it was released before. */
  readonly granted: Promise<void>;
  /** Gives the permit, or the place in the queue, back. */
  release(): void;
}

interface Owner {
  readonly key: unknown;
  held: number;
  readonly queue: Set<() => void>;
  /** Uploads that hold permits. */
  readonly uploads: Set<PreemptibleUpload>;
}

/**
 * A semaphore with a limit for each owner. A free permit goes to the owner that holds the fewest, among those to the one that
 * was served the longest ago: an owner that asks for a thousand permits keeps nobody else waiting for long. With a clock, slow
 * uploads are preempted while other owners wait.
 */
export class FairSemaphore {
  readonly #perOwner: number | 'share';
  readonly #clock: Clock | undefined;
  #timer: Timer | undefined;
  #free: number;
  /** In the order in which they came or were last served. */
  readonly #owners = new Map<unknown, Owner>();

  /** `perOwner`: `share` means half of what others left, so that every owner that comes finds some. */
  constructor(count: number, perOwner: number | 'share' = count, clock?: Clock) {
    this.#free = count;
    this.#perOwner = perOwner;
    this.#clock = clock;
  }

  get waiting(): number {
    let sum = 0;
    for (const { queue } of this.#owners.values()) sum += queue.size;
    return sum;
  }

  acquire(key?: unknown, upload?: PreemptibleUpload): Permit {
    const owner = this.#owners.get(key) ?? { key, held: 0, queue: new Set(), uploads: new Set() };
    this.#owners.set(key, owner);
    let isHeld = false;
    let isReleased = false;
    let resolve: () => void = () => {};
    const granted = new Promise<void>((settle) => (resolve = settle));
    const grant = () => {
      isHeld = true;
      if (upload !== undefined) owner.uploads.add(upload);
      resolve();
    };
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      owner.queue.delete(grant);
      if (isHeld) {
        owner.held -= 1;
        this.#free += 1;
        if (upload !== undefined) owner.uploads.delete(upload);
      }
      if (owner.held === 0 && owner.queue.size === 0) this.#owners.delete(key);
      this.#grantFree();
    };
    owner.queue.add(grant);
    this.#grantFree();
    this.#watch();
    return { granted, release };
  }

  #grantFree(): void {
    while (this.#free > 0) {
      const owner = this.#neediest();
      if (owner === undefined) return;
      const [grant] = owner.queue;
      if (grant === undefined) return;
      owner.queue.delete(grant);
      owner.held += 1;
      this.#free -= 1;
      this.#toEnd(owner);
      grant();
    }
  }

  /** Looks for slow uploads now and then while somebody waits. */
  #watch(): void {
    if (this.#clock === undefined || this.#timer !== undefined || this.waiting === 0) return;
    const look = (): void => {
      this.#timer = undefined;
      for (const owner of [...this.#owners.values()]) {
        if (owner.queue.size > 0 && owner.held < this.#mostOf(owner, 1)) this.#preemptFor(owner);
      }
      this.#watch();
    };
    this.#timer = this.#clock.setTimer(look, graceMs, true);
  }

  #preemptFor(owner: Owner): void {
    for (const other of this.#owners.values()) {
      const slow = other === owner ? undefined : [...other.uploads].find(isSlow);
      if (slow === undefined) continue;
      other.uploads.delete(slow);
      // The owner that loses a permit is served after those that wait.
      this.#toEnd(other);
      slow.preempt();
      return;
    }
  }

  #toEnd(owner: Owner): void {
    this.#owners.delete(owner.key);
    this.#owners.set(owner.key, owner);
  }

  #neediest(): Owner | undefined {
    let least: Owner | undefined;
    for (const owner of this.#owners.values()) {
      if (owner.queue.size > 0 && owner.held < Math.min(this.#mostOf(owner), least?.held ?? Infinity)) least = owner;
    }
    return least;
  }

  /** The limit of an owner, with this many more that are free. */
  #mostOf({ held }: Owner, more = 0): number {
    return this.#perOwner === 'share' ? Math.ceil((this.#free + more + held) / 2) : this.#perOwner;
  }
}

/** The share of one transfer in a quota. */
export interface Charge {
  /** Raises the share to `bytes`, for content of unknown size. Throws `busy` if they do not fit. */
  reach(bytes: number): void;
  release(): void;
}

interface Entry {
  readonly upload: PreemptibleUpload | undefined;
  cost: number;
}

/**
 * A limit for the bytes that wait or move in all. A peer with more than one upload gets half of what others left, and a
 * sixteenth is kept for small ones, so that no peer takes everything. Content of unknown size counts as it comes, and slow
 * uploads are preempted where others do not fit.
 */
export class Quota {
  readonly #limit: number;
  #used = 0;
  readonly #entries = new Set<Entry>();
  readonly #uploadedBy = new Map<unknown, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Charges `bytes` to be sent in `transfers`; undefined charges as they come. Throws `busy` if they do not fit. */
  charge(bytes: number | undefined, transfers: number): Charge {
    return this.#enter(Math.max(bytes ?? 0, leastBytes * transfers), undefined);
  }

  /** Charges `bytes` that a peer wants to upload, against the same limits. */
  chargeUpload(bytes: number | undefined, upload: PreemptibleUpload): Charge {
    return this.#enter(Math.max(bytes ?? 0, leastBytes), upload);
  }

  #enter(cost: number, upload: PreemptibleUpload | undefined): Charge {
    this.#makeRoom(cost, upload);
    const entry: Entry = { upload, cost: 0 };
    this.#entries.add(entry);
    this.#add(entry, cost);
    return {
      reach: (bytes) => {
        if (bytes <= entry.cost || !this.#entries.has(entry)) return;
        this.#makeRoom(bytes - entry.cost, upload, entry);
        this.#add(entry, bytes - entry.cost);
      },
      release: () => this.#leave(entry),
    };
  }

  #fits(more: number, upload: PreemptibleUpload | undefined, entry: Entry | undefined): boolean {
    if (this.#used + more > this.#limit) return false;
    if (upload === undefined) return true;
    const own = this.#uploadedBy.get(upload.peer) ?? 0;
    const isOnly = own === (entry?.cost ?? 0);
    if (isOnly) return more <= leastBytes || this.#used + more <= this.#limit - this.#limit / 16;
    return own + more <= (this.#limit - (this.#used - own)) / 2;
  }

  #makeRoom(more: number, upload: PreemptibleUpload | undefined, entry?: Entry): void {
    if (this.#fits(more, upload, entry)) return;
    for (const other of this.#entries) {
      if (other === entry || other.upload === undefined || !isSlow(other.upload)) continue;
      this.#leave(other);
      other.upload.preempt();
      if (this.#fits(more, upload, entry)) return;
    }
    throw transferError('busy');
  }

  #add(entry: Entry, bytes: number): void {
    entry.cost += bytes;
    this.#used += bytes;
    const peer = entry.upload?.peer;
    if (entry.upload !== undefined) this.#uploadedBy.set(peer, (this.#uploadedBy.get(peer) ?? 0) + bytes);
  }

  #leave(entry: Entry): void {
    if (!this.#entries.delete(entry)) return;
    this.#used -= entry.cost;
    if (entry.upload === undefined) return;
    const left = (this.#uploadedBy.get(entry.upload.peer) ?? 0) - entry.cost;
    if (left > 0) this.#uploadedBy.set(entry.upload.peer, left);
    else this.#uploadedBy.delete(entry.upload.peer);
  }
}
