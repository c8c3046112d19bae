import type { Batch } from './batch.ts';
import { type LogFile, type LogFiles, pathIn } from './files.ts';
import type { ResolvedLogOptions } from './log-options.ts';
import { recordHeaderBytes, sealRecord } from './record.ts';
import type { Segment } from './repair.ts';
import { segmentHeader, segmentName } from './segment.ts';
import { Tail } from './tail.ts';

const largestSegmentBytes = 16_777_216;
const largestTailBytes = 2_097_152;

function segmentBytesOf(maxBytes: number): number {
  return Math.min(largestSegmentBytes, Math.ceil(maxBytes / 16));
}

/** Whose segments they are. */
export interface SegmentsOwner {
  /** As in `LogOwner`. */
  readonly heading?: (() => readonly Uint8Array[]) | undefined;
  readonly segmentBytes?: number | undefined;
}

/** One that is there: its end and its last record move while it is written. */
interface OpenSegment extends Segment {
  last: number;
  bytes: number;
}

/** The files of a log: all but the last one are as they will stay. */
export class Segments {
  readonly #folder: string;
  readonly #files: LogFiles;
  readonly #survivesPower: boolean;
  /** How large one may become before the next one is begun. */
  readonly mostBytes: number;
  readonly tail: Tail;
  readonly #marks: { readonly folder: string; readonly journal: string };
  readonly #heading: (() => readonly Uint8Array[]) | undefined;
  #all: OpenSegment[];
  /** Of the last one, once this process has begun it. */
  #file: LogFile | undefined;
  #closedBytes = 0;
  /** What is written next begins another one. */
  isFull = false;
  #removing: Promise<unknown> = Promise.resolve();

  constructor(
    folder: string,
    { files, survive, maxBytes }: ResolvedLogOptions,
    marks: { readonly folder: string; readonly journal: string },
    found: readonly Segment[],
    { heading, segmentBytes = largestSegmentBytes }: SegmentsOwner,
  ) {
    this.#folder = folder;
    this.#files = files;
    this.#survivesPower = survive === 'power';
    this.mostBytes = Math.min(segmentBytes, segmentBytesOf(maxBytes));
    this.tail = new Tail(Math.min(largestTailBytes, this.mostBytes / 4));
    this.#marks = marks;
    this.#heading = heading;
    this.#all = found.map((segment) => ({ ...segment }));
    for (const { bytes } of found) this.#closedBytes += bytes;
  }

  get all(): readonly Segment[] {
    return this.#all;
  }

  /** The last sequence that was written. */
  get last(): number {
    return this.#all.at(-1)?.last ?? 0;
  }

  /** The bytes of those that are written no more. */
  get closedBytes(): number {
    return this.#closedBytes;
  }

  get bytes(): number {
    return this.#closedBytes + (this.#file === undefined ? 0 : (this.#all.at(-1)?.bytes ?? 0));
  }

  /** Writes the records of the batch behind what is there; rejects the system's error. */
  async write(batch: Batch): Promise<void> {
    const { bytes, first, last } = batch;
    const records = batch.take();
    const segment = this.#all.at(-1);
    if (this.#file === undefined || segment === undefined || this.isFull || segment.bytes >= this.mostBytes) {
      this.isFull = false;
      await this.#begin(records, bytes, first, last);
    } else {
      await this.#file.write(records, segment.bytes);
      if (this.#survivesPower) await this.#file.sync();
      segment.bytes += bytes;
      segment.last = last;
    }
    this.tail.add(this.#all.at(-1) as Segment, records, bytes, () => batch.free());
  }

  /** Removes those before the last one that are not needed; true if there were some. */
  release(isNeeded: (segment: Segment) => boolean): boolean {
    // What the last one begins with may be known nowhere else, until there is another.
    const last = this.#all.at(-1);
    const stays = (segment: Segment): boolean => segment === last || isNeeded(segment);
    if (this.#all.every(stays)) return false;
    const kept = this.#all.filter(stays);
    for (const segment of this.#all) {
      if (kept.includes(segment)) continue;
      this.#closedBytes -= segment.bytes;
      // One that stays all the same is found, and release, when the folder is opened the next time.
      this.#removing = this.#removing.then(() => this.#files.remove(segment.path)).catch(ignore);
    }
    this.#all = kept;
    return true;
  }

  async close(): Promise<void> {
    await this.#removing;
    await this.#file?.close();
    this.#file = undefined;
  }

  /** The next segment comes into being with its first records, so that none is ever without one. */
  async #begin(records: readonly Uint8Array[], bytes: number, first: number, last: number): Promise<void> {
    const path = pathIn(this.#folder, segmentName(first));
    const file = await this.#files.create(path);
    const parts = [segmentHeader({ ...this.#marks, first }), ...(this.#heading?.() ?? []).map(asRecord)];
    let length = bytes;
    for (const part of parts) length += part.length;
    try {
      await file.write([...parts, ...records], 0);
      if (this.#survivesPower) await file.sync();
      if (this.#survivesPower) await this.#files.syncFolder(this.#folder);
    } catch (error) {
      await file.close().catch(ignore);
      throw error;
    }
    if (this.#file !== undefined) {
      this.#closedBytes += this.#all.at(-1)?.bytes ?? 0;
      await this.#file.close();
    }
    this.#file = file;
    this.#all.push({ path, first, last, bytes: length, journal: this.#marks.journal });
  }
}

/** A record about the segment itself. */
function asRecord(body: Uint8Array): Uint8Array {
  const record = Buffer.alloc(recordHeaderBytes + body.length);
  record.set(body, recordHeaderBytes);
  sealRecord(record, 0, body.length, 0);
  return record;
}

function ignore(): undefined {}
