import type { Clock, Timer } from '../../../base/clock.ts';
import { Signal } from '../../../base/wait.ts';
import type { Seal } from '../wire/seal.ts';
import type { Subjects } from '../wire/subjects.ts';
import type { Wire } from '../wire/wire.ts';
import { type Entry, entryPackets, mostEntryBytes } from './entries.ts';

/** How many bytes one repair sends, and how often a node may ask for one. */
const repairBytes = 262_144;
const repairMs = 10;
/** A node that did not say that it has all is told what there is, after so long, and then twice as long each time. */
const noteMs = 150;
const longestNoteMs = 1_000;

/** One that asked who is here is owed all from then on, for so long before it has to be known. */
const guestMs = 5_000;

/** Another node that is owed broadcasts. */
interface Reader {
  readonly node: string;
  readonly incarnation: number;
  /** It has all to this one. */
  has: number;
  /** Whether it is here: what it lacks is kept for it. */
  counts: boolean;
  /** Until when it counts all the same. */
  guestUntil: number;
  /** Whether it ever was. */
  wasMet: boolean;
  repairedAt: number;
}

export interface PublisherOptions {
  readonly node: string;
  readonly incarnation: number;
  readonly maxBytes: number;
  readonly maxNodes: number;
  readonly subjects: Subjects;
  readonly seal: Seal;
  readonly clock: Clock;
  wire(): Wire;
  /** Tells a node the last broadcast and the first one that is still here. */
  note(node: string, incarnation: number, last: number, first: number): void;
}

/** The broadcasts of this node: published once, and kept until all who are here have them. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #readers = new Map<string, Reader>();
  /** Those that somebody may lack: `#kept[0]` is number `#first`. */
  #kept: Entry[] = [];
  #first = 1;
  #last = 0;
  #bytes = 0;
  /** The first one that was not published yet. */
  #unpublished = 1;
  #publishes = false;
  readonly #taken = new Signal();
  #noteTimer: Timer | undefined;
  #noteWaitMs = noteMs;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** The sequence of the last one. */
  get last(): number {
    return this.#last;
  }

  /** Of what somebody may lack. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether as many bytes wait as may. */
  get isFull(): boolean {
    return this.#bytes >= this.#options.maxBytes;
  }

  /** Resolves when some were acknowledged. */
  room(): Promise<void> {
    return this.#taken.next();
  }

  /** Resolves when all nodes have acknowledged all. */
  async whenTaken(): Promise<void> {
    while (this.#kept.length > 0) await this.#taken.next();
  }

  /** Publishes at the end of this turn. Takes over `bytes`. */
  publish(bytes: Uint8Array): void {
    for (let at = 0; at === 0 || at < bytes.length; at += mostEntryBytes) {
      const part = bytes.subarray(at, at + mostEntryBytes);
      this.#last += 1;
      this.#kept.push({ sequence: this.#last, more: at + part.length < bytes.length, bytes: part });
      this.#bytes += part.length;
    }
    if (this.#publishes) return;
    this.#publishes = true;
    this.#options.clock.defer(() => this.#publish());
  }

  /** From which one on a node is owed all that follow. */
  owedFrom(node: string, incarnation: number): number {
    const reader = this.#reader(node, incarnation);
    const now = this.#options.clock.now();
    // What it was owed when it asked before was released since.
    if (!reader.wasMet && now >= reader.guestUntil) reader.has = this.#last;
    reader.guestUntil = now + guestMs;
    return reader.has + 1;
  }

  /** A node is here. */
  met(node: string, incarnation: number): void {
    const reader = this.#reader(node, incarnation);
    reader.counts = reader.wasMet = true;
    // What it was before does not come any more.
    for (const other of this.#readers.values()) {
      if (other.node === node && other.incarnation < incarnation) other.guestUntil = 0;
    }
  }

  /** A node is gone: nothing is kept for it any more. It may be back. */
  lost(node: string, incarnation: number): void {
    const reader = this.#readers.get(keyOf(node, incarnation));
    if (reader === undefined) return;
    reader.counts = false;
    reader.guestUntil = 0;
    this.#forget();
  }

  /** A node has all to this one. */
  got(node: string, incarnation: number, sequence: number): void {
    const reader = this.#readers.get(keyOf(node, incarnation));
    if (reader === undefined || sequence <= reader.has || sequence > this.#last) return;
    reader.has = sequence;
    this.#noteWaitMs = noteMs;
    this.#forget();
  }

  /** A node lacks those from this one on. */
  repair(node: string, incarnation: number, from: number): void {
    const reader = this.#readers.get(keyOf(node, incarnation));
    const { clock, seal, subjects, wire } = this.#options;
    const now = clock.now();
    if (reader === undefined || now - reader.repairedAt < repairMs || from > this.#last) return;
    reader.repairedAt = now;
    if (from < this.#first) {
      this.#options.note(node, incarnation, this.#last, this.#first);
      return;
    }
    const subject = subjects.to(node, incarnation);
    const { node: own, incarnation: ownIncarnation } = this.#options;
    for (const packet of entryPackets(own, ownIncarnation, this.#from(from), seal, subject)) {
      wire().publish(subject, packet);
    }
  }

  close(): void {
    this.#noteTimer?.cancel();
    this.#readers.clear();
    this.#forget();
  }

  *#from(sequence: number): Generator<Entry, void, void> {
    let bytes = 0;
    for (let at = sequence - this.#first; at < this.#kept.length && bytes < repairBytes; at++) {
      const entry = this.#kept[at];
      if (entry === undefined) return;
      bytes += entry.bytes.length;
      yield entry;
    }
  }

  #publish(): void {
    this.#publishes = false;
    const { node, incarnation, seal, subjects, wire } = this.#options;
    const subject = subjects.all;
    const unpublished = this.#kept.slice(Math.max(0, this.#unpublished - this.#first));
    this.#unpublished = this.#last + 1;
    for (const packet of entryPackets(node, incarnation, unpublished, seal, subject)) wire().publish(subject, packet);
    this.#forget();
    this.#noteLater();
  }

  /** Releases what all have. */
  #forget(): void {
    let least = this.#unpublished - 1;
    const now = this.#options.clock.now();
    for (const { counts, guestUntil, has } of this.#readers.values()) {
      if ((counts || now < guestUntil) && has < least) least = has;
    }
    const count = least - this.#first + 1;
    if (count <= 0) return;
    for (let at = 0; at < count; at++) this.#bytes -= this.#kept[at]?.bytes.length ?? 0;
    this.#kept = count === this.#kept.length ? [] : this.#kept.slice(count);
    this.#first = least + 1;
    if (this.#taken.isAwaited) this.#taken.wake();
  }

  #noteLater(): void {
    if (this.#noteTimer !== undefined || this.#kept.length === 0) return;
    this.#noteTimer = this.#options.clock.setTimer(
      () => {
        this.#noteTimer = undefined;
        for (const { node, incarnation, counts, has } of this.#readers.values()) {
          if (counts && has < this.#last) this.#options.note(node, incarnation, this.#last, this.#first);
        }
        this.#noteWaitMs = Math.min(longestNoteMs, this.#noteWaitMs * 2);
        this.#forget();
        this.#noteLater();
      },
      this.#noteWaitMs,
      true,
    );
  }

  #reader(node: string, incarnation: number): Reader {
    const key = keyOf(node, incarnation);
    let reader = this.#readers.get(key);
    if (reader === undefined) {
      if (this.#readers.size >= 2 * this.#options.maxNodes) this.#forgetGuest();
      reader = { node, incarnation, has: this.#last, counts: false, guestUntil: 0, wasMet: false, repairedAt: 0 };
      this.#readers.set(key, reader);
    }
    return reader;
  }

  /** The oldest one that nobody knows. */
  #forgetGuest(): void {
    for (const [key, { counts }] of this.#readers) {
      if (counts) continue;
      this.#readers.delete(key);
      return;
    }
  }
}

function keyOf(node: string, incarnation: number): string {
  return `${node} ${incarnation}`;
}
