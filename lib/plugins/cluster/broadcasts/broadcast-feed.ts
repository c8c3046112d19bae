import { concat, copyOf } from '../../../base/bytes.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import type { Entry } from './entries.ts';

/** Most bytes kept out of order; the rest is requested again. */
const mostHeldBytes = 1_048_576;
/** Processed broadcasts are acknowledged after this time, or this many bytes. */
const tellMs = 40;
const tellBytes = 131_072;
/** A node that lacks some asks at once, and again after this time. */
const askMs = 60;

export interface BroadcastFeedOptions {
  /** The first one that is owed. */
  readonly from: number;
  /** The bytes of one broadcast, at most. */
  readonly maxBytes: number;
  readonly clock: Clock;
  /** Delivers a broadcast; until a returned promise settles, the next ones do not count as processed. */
  deliver(bytes: Uint8Array): Promise<unknown> | undefined;
  /** All up to this one are processed. */
  tell(sequence: number): void;
  /** Those from this one on are missing. */
  ask(from: number): void;
  /** This many are lost. */
  missed(count: number): void;
}

/** The broadcasts of another node, each once and in order. */
export class BroadcastFeed {
  readonly #options: BroadcastFeedOptions;
  /** The next one that is wanted. */
  #next: number;
  #told: number;
  #untoldBytes = 0;
  /** Deliveries that have not settled. */
  #open = 0;
  readonly #held = new Map<number, Entry>();
  #heldBytes = 0;
  /** The beginning of a broadcast whose rest is to come. */
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #tellTimer: Timer | undefined;
  #askTimer: Timer | undefined;
  #closed = false;

  constructor(options: BroadcastFeedOptions) {
    this.#options = options;
    this.#next = options.from;
    this.#told = options.from - 1;
  }

  received(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (this.#closed) return;
      if (entry.sequence === this.#next) this.#take(entry);
      else if (entry.sequence > this.#next) this.#hold(entry);
    }
    this.#takeHeld();
    this.#tellSoon();
  }

  /** The other node's last one is `last`, and it still has those from `first` on. */
  noted(last: number, first: number): void {
    if (first > this.#next) {
      this.#options.missed(first - this.#next);
      this.#skipTo(first);
    }
    if (last >= this.#next) this.#ask();
    else if (this.#open === 0) this.#tell();
  }

  /** The other node's last one is `last`. */
  heard(last: number): void {
    if (last >= this.#next) this.#ask();
  }

  close(): void {
    this.#closed = true;
    this.#tellTimer?.cancel();
    this.#askTimer?.cancel();
    this.#held.clear();
    this.#parts = [];
  }

  #take({ more, bytes }: Entry): void {
    this.#next += 1;
    this.#untoldBytes += bytes.length;
    this.#askTimer?.cancel();
    this.#askTimer = undefined;
    this.#partBytes += bytes.length;
    const fits = this.#partBytes <= this.#options.maxBytes;
    if (more) {
      if (fits) this.#parts.push(copyOf(bytes));
      else this.#parts = [];
      return;
    }
    const whole = this.#parts.length === 0 ? bytes : concat([...this.#parts, bytes]);
    this.#parts = [];
    this.#partBytes = 0;
    if (!fits) {
      this.#options.missed(1);
      return;
    }
    const taken = this.#options.deliver(whole);
    if (taken === undefined) return;
    this.#open += 1;
    const done = (): void => {
      this.#open -= 1;
      this.#tellSoon();
    };
    taken.then(done, done);
  }

  #hold(entry: Entry): void {
    this.#ask();
    if (this.#held.has(entry.sequence) || this.#heldBytes + entry.bytes.length > mostHeldBytes) return;
    this.#held.set(entry.sequence, { ...entry, bytes: copyOf(entry.bytes) });
    this.#heldBytes += entry.bytes.length;
  }

  #takeHeld(): void {
    for (let entry = this.#held.get(this.#next); entry !== undefined; entry = this.#held.get(this.#next)) {
      if (this.#closed) return;
      this.#held.delete(entry.sequence);
      this.#heldBytes -= entry.bytes.length;
      this.#take(entry);
    }
    if (this.#held.size === 0) return;
    for (const [sequence, { bytes }] of this.#held) {
      if (sequence >= this.#next) continue;
      this.#held.delete(sequence);
      this.#heldBytes -= bytes.length;
    }
    if (this.#held.size > 0) this.#ask();
  }

  #skipTo(first: number): void {
    this.#next = first;
    this.#parts = [];
    this.#partBytes = 0;
    this.#takeHeld();
  }

  #tellSoon(): void {
    if (this.#closed || this.#open > 0 || this.#told === this.#next - 1) return;
    if (this.#untoldBytes >= tellBytes) this.#tell();
    else this.#tellTimer ??= this.#options.clock.setTimer(() => this.#tell(), tellMs, true);
  }

  #tell(): void {
    this.#tellTimer?.cancel();
    this.#tellTimer = undefined;
    if (this.#closed || this.#open > 0) return;
    this.#told = this.#next - 1;
    this.#untoldBytes = 0;
    this.#options.tell(this.#told);
  }

  #ask(): void {
    if (this.#closed || this.#askTimer !== undefined) return;
    this.#options.ask(this.#next);
    this.#askTimer = this.#options.clock.setTimer(
      () => {
        this.#askTimer = undefined;
        if (this.#held.size > 0) this.#ask();
      },
      askMs,
      true,
    );
  }
}
