import { BusError } from '../base/errors.ts';
import { Queue } from '../base/queue.ts';

/** What the owner of a sequenced frame wants to learn of it; `undefined` frames are nobody's. */
export interface Entry {
  /** The user's data of a message, for `undelivered`. */
  readonly data: unknown;
  readonly lane: number;
  /** Called once the peer acknowledged the frame. */
  acknowledged?(): void;
  /** Called instead when the session was lost first; true when the entry spoke for itself and is not `undelivered`. */
  lost?(): boolean;
}

const firstRing = 16;
/** What a buffer holds before its first frame. */
const noEnds = new Float64Array(0);
const noEntries: (Entry | undefined)[] = [];
const noParts = new Set<number>();

/** Brings a frame, which is at `at` of `bytes`, up to date; `begins`: whether a body begins with it. */
export type Amend = (bytes: Uint8Array, at: number, begins: boolean) => void;

/**
 * The sequenced frames the peer has not acknowledged, as bytes to be sent again and as entries to be answered for.
 * Positions are absolute offsets in the stream of all bytes ever recorded, so that they survive trimming.
 */
export class ReplayBuffer {
  /** Sequence number of the newest frame recorded; the first is 1. */
  sequence = 0;
  acknowledged = 0;
  /** Frames not acknowledged, and their bytes. */
  count = 0;
  bytes = 0;
  readonly #segments = new Queue<Uint8Array>();
  /** Where the first segment starts, where the frames not acknowledged start, and where the newest frame ends. */
  #startOffset = 0;
  #headOffset = 0;
  #recordedOffset = 0;
  /** By sequence number: where the frame ends, and whose it is. */
  #ends = noEnds;
  #entries = noEntries;
  /** The frames that carry on with a body; most sessions never have one. */
  #later = noParts;
  readonly #amend: Amend | undefined;

  constructor(amend?: Amend) {
    this.#amend = amend;
  }

  /** Notes a frame of `bytes`, whose bytes will be stored in the same order; `begins`: whether a body begins with it. */
  record(bytes: number, entry: Entry | undefined, begins = true): number {
    if (this.count === this.#ends.length) this.#grow();
    this.sequence += 1;
    this.count += 1;
    this.bytes += bytes;
    this.#recordedOffset += bytes;
    const slot = this.sequence & (this.#ends.length - 1);
    this.#ends[slot] = this.#recordedOffset;
    this.#entries[slot] = entry;
    if (!begins) {
      if (this.#later === noParts) this.#later = new Set();
      this.#later.add(this.sequence);
    }
    return this.sequence;
  }

  /** Keeps the bytes of recorded frames; they must not change any more. */
  store(segment: Uint8Array): void {
    this.#segments.push(segment);
  }

  /**
   * How many frames more than before a peer has that acknowledged `low`, its count modulo 2^32.
   * @throws BusError `ERR_PROTOCOL` for frames that were never sent.
   */
  howFarAhead(low: number): number {
    const ahead = (low - this.acknowledged) >>> 0;
    if (ahead <= this.count) return ahead;
    // A count behind ours is an acknowledgement that a broken link overtook.
    if ((this.acknowledged - low) >>> 0 < 0x8000_0000) return 0;
    throw new BusError('ERR_PROTOCOL', 'The peer acknowledged what was never sent');
  }

  /**
   * Releases everything up to frame `sequence` and tells its owners; false when no such frame was ever sent.
   */
  acknowledge(sequence: number): boolean {
    if (sequence > this.sequence) return false;
    const mask = this.#ends.length - 1;
    while (this.acknowledged < sequence) {
      this.acknowledged += 1;
      const slot = this.acknowledged & mask;
      const entry = this.#entries[slot];
      if (entry !== undefined) {
        this.#entries[slot] = undefined;
        entry.acknowledged?.();
      }
      if (this.#later.size !== 0) this.#later.delete(this.acknowledged);
      this.#headOffset = this.#ends[slot] as number;
      this.count -= 1;
      this.bytes = this.#recordedOffset - this.#headOffset;
    }
    this.#trim();
    return true;
  }

  /**
   * The stored bytes that follow frame `sequence`, brought up to date; undefined when frames behind it are gone or were
   * never sent.
   */
  after(sequence: number): Uint8Array[] | undefined {
    if (sequence < this.acknowledged || sequence > this.sequence) return undefined;
    const from = sequence === this.acknowledged ? this.#headOffset : (this.#endOf(sequence) as number);
    if (this.#amend !== undefined) this.#amendFrom(sequence + 1, from, this.#amend);
    const bytes: Uint8Array[] = [];
    let offset = this.#startOffset;
    for (const segment of this.#segments) {
      const end = offset + segment.length;
      if (end > from) bytes.push(offset >= from ? segment : segment.subarray(from - offset));
      offset = end;
    }
    return bytes;
  }

  /** Empties the buffer; returns the entries nobody acknowledged, in order. */
  abandon(): Entry[] {
    const mask = this.#ends.length - 1;
    const left: Entry[] = [];
    for (let sequence = this.acknowledged + 1; sequence <= this.sequence; sequence++) {
      const entry = this.#entries[sequence & mask];
      if (entry !== undefined) left.push(entry);
    }
    this.#entries.fill(undefined);
    this.#segments.clear();
    this.#later = noParts;
    this.acknowledged = this.sequence;
    this.count = 0;
    this.bytes = 0;
    this.#headOffset = this.#recordedOffset;
    this.#startOffset = this.#recordedOffset;
    return left;
  }

  /** Frame `next` starts at `start`. */
  #amendFrom(next: number, start: number, amend: Amend): void {
    let offset = this.#startOffset;
    for (const segment of this.#segments) {
      const end = offset + segment.length;
      for (; start < end && next <= this.sequence; next++) {
        amend(segment, start - offset, !this.#later.has(next));
        start = this.#endOf(next) as number;
      }
      offset = end;
    }
  }

  #endOf(sequence: number): number | undefined {
    return this.#ends[sequence & (this.#ends.length - 1)];
  }

  /** Drops segments that are acknowledged whole; the first one left may start with acknowledged bytes. */
  #trim(): void {
    for (let first = this.#segments.first; first !== undefined; first = this.#segments.first) {
      if (this.#startOffset + first.length > this.#headOffset) return;
      this.#startOffset += first.length;
      this.#segments.shift();
    }
  }

  #grow(): void {
    const oldMask = this.#ends.length - 1;
    const size = Math.max(firstRing, this.#ends.length * 2);
    const ends = new Float64Array(size);
    const entries = new Array<Entry | undefined>(size).fill(undefined);
    for (let sequence = this.acknowledged + 1; sequence <= this.sequence; sequence++) {
      ends[sequence & (size - 1)] = this.#ends[sequence & oldMask] as number;
      entries[sequence & (size - 1)] = this.#entries[sequence & oldMask];
    }
    this.#ends = ends;
    this.#entries = entries;
  }
}

interface Lane {
  readonly entries: Queue<Entry | undefined>;
  /** Bodies that ever waited. */
  added: number;
}

/** How many bodies had waited, by lane. */
export type QueuedMark = ReadonlyMap<number, number>;

const none = new Map<number, Lane>();

/** Whose the bodies are that wait to be cut, by lane, in the order of the encoder's queue. */
export class Queued {
  /** Made when the first body waits: most sessions never have one. */
  #lanes = none;
  count = 0;

  countOf(lane: number): number {
    return this.#lanes.get(lane)?.entries.length ?? 0;
  }

  /** Names those that wait now; undefined where none does. */
  get mark(): QueuedMark | undefined {
    return this.count === 0 ? undefined : new Map([...this.#lanes].map(([lane, { added }]) => [lane, added]));
  }

  /** Whether all that waited at `mark` were cut. */
  isCut(mark: QueuedMark): boolean {
    for (const [lane, { entries, added }] of this.#lanes)
      if (added - entries.length < (mark.get(lane) ?? 0)) return false;
    return true;
  }

  add(lane: number, entry: Entry | undefined): void {
    if (this.#lanes === none) this.#lanes = new Map();
    const waiting = this.#lanes.get(lane) ?? { entries: new Queue<Entry | undefined>(), added: 0 };
    this.#lanes.set(lane, waiting);
    waiting.entries.push(entry);
    waiting.added += 1;
    this.count += 1;
  }

  /** The owner of the body of `lane` that was cut to its end. */
  take(lane: number): Entry | undefined {
    this.count -= 1;
    return this.#lanes.get(lane)?.entries.shift();
  }

  /** Releases all, and returns those that have an owner. */
  abandon(): Entry[] {
    const left = [...this.#lanes.values()].flatMap(({ entries }) => entries.clear());
    this.#lanes = none;
    this.count = 0;
    return left.filter((entry) => entry !== undefined);
  }
}
