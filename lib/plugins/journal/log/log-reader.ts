import { allocate } from '../../../base/bytes.ts';
import { codeOf } from '../../../base/thrown.ts';
import { type LogFile, type LogFiles } from './files.ts';
import { bodyLength, recordHeaderBytes, sequenceOf } from './record.ts';
import type { Segment } from './repair.ts';
import { segmentHeaderBytes } from './segment.ts';
import type { Tail } from './tail.ts';

/** The size of one read, if there is as much: each read waits for a thread of the platform's. */
const aheadBytes = 262_144;
const nothing = new Uint8Array(0);
const anything = (): number => Number.POSITIVE_INFINITY;

/** Some records as they stand in a segment, one behind the other. */
export interface Stretch {
  /** The id of the opening of the folder in which they were written. */
  readonly journal: string;
  readonly bytes: Uint8Array;
  /** Where in the file of the segment they begin, where they stand in one. */
  readonly position?: number;
}

/** What a reader needs to know of the segments. */
export interface ReadableSegments {
  readonly all: readonly Segment[];
  readonly tail: Tail;
}

/** Reads what was written, stretch by stretch; what is appended meanwhile follows. */
export class LogReader {
  readonly #files: LogFiles;
  readonly #segments: ReadableSegments;
  /** What comes before it is passed over. */
  #next: number;
  readonly #leave: () => void;
  #isClosed = false;
  #segment: Segment | undefined;
  #file: LogFile | undefined;
  #position = 0;
  /** Where the first one stands, where that is known. */
  #first: number | undefined;
  /** What was read ahead, and where in the file it begins. */
  #ahead: Uint8Array = nothing;
  #aheadAt = 0;

  constructor(files: LogFiles, segments: ReadableSegments, sequence: number, position?: number) {
    this.#files = files;
    this.#segments = segments;
    this.#next = sequence;
    this.#first = position;
    this.#leave = segments.tail.follow();
  }

  /**
   * The next records up to sequence `upTo`, of `mostBytes` together or one that is longer; undefined when all of those that
   * are written were read. Rejects with the system's error.
   */
  async next(mostBytes: number, upTo: () => number = anything): Promise<Stretch | undefined> {
    while (this.#next <= upTo()) {
      const segment = this.#segment;
      if (segment === undefined || this.#position >= segment.bytes) {
        if (!(await this.#advance())) return undefined;
        continue;
      }
      const bytes = await this.#read(segment, mostBytes, upTo);
      if (bytes === undefined) return undefined;
      if (bytes.length > 0) return { journal: segment.journal, bytes, position: this.#position - bytes.length };
    }
    return undefined;
  }

  close(): Promise<void> {
    if (!this.#isClosed) this.#leave();
    this.#isClosed = true;
    return this.#closeFile();
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = this.#segment = undefined;
    this.#ahead = nothing;
    await file?.close();
  }

  /** To the first segment that has something further; false where there is none. */
  async #advance(): Promise<boolean> {
    for (;;) {
      const segment = this.#segments.all.find(({ last }) => last >= this.#next);
      if (segment === undefined) return false;
      await this.#closeFile();
      try {
        this.#file = await this.#files.open(segment.path, true);
      } catch (error) {
        // It was removed meanwhile: nobody needs it any more.
        if (codeOf(error) !== 'ENOENT' || this.#segments.all.includes(segment)) throw error;
        continue;
      }
      this.#segment = segment;
      this.#position = this.#first ?? segmentHeaderBytes;
      this.#first = undefined;
      return true;
    }
  }

  /** Undefined where the next record is behind `upTo`. */
  async #read(segment: Segment, mostBytes: number, upTo: () => number): Promise<Uint8Array | undefined> {
    const left = segment.bytes - this.#position;
    let bytes = await this.#readAt(Math.min(mostBytes, left), left);
    if (recordHeaderBytes > bytes.length || recordHeaderBytes + bodyLength(bytes, 0) > bytes.length) {
      const header = bytes.length < recordHeaderBytes ? await this.#readAt(recordHeaderBytes, left) : bytes;
      bytes = await this.#readAt(recordHeaderBytes + bodyLength(header, 0), left);
    }
    let start = 0;
    let end = 0;
    // It may have changed while this was read.
    const last = upTo();
    while (end + recordHeaderBytes <= bytes.length) {
      const over = end + recordHeaderBytes + bodyLength(bytes, end);
      if (over > bytes.length) break;
      const sequence = sequenceOf(bytes, end);
      if (sequence > last) break;
      if (sequence < this.#next) start = over;
      else this.#next = sequence + 1;
      end = over;
    }
    this.#position += end;
    if (end === 0) return undefined;
    return bytes.subarray(start, end);
  }

  /** `left`: what there is from here on. */
  async #readAt(count: number, left: number): Promise<Uint8Array> {
    const at = this.#position - this.#aheadAt;
    if (at >= 0 && at + count <= this.#ahead.length) return this.#ahead.subarray(at, at + count);
    const bytes = allocate(Math.max(count, Math.min(left, aheadBytes)));
    if (!this.#segments.tail.copy(this.#segment as Segment, this.#position, bytes)) {
      const got = await (this.#file as LogFile).read(bytes, this.#position);
      if (got < bytes.length) throw new RangeError('The segment is shorter than what was written to it');
    }
    this.#ahead = bytes.length > count ? bytes : nothing;
    this.#aheadAt = this.#position;
    return bytes.subarray(0, count);
  }
}
