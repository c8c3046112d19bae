import { allocate } from '../../../base/bytes.ts';
import { BusError } from '../../../base/errors.ts';
import type { LogFile } from './files.ts';
import { bodyLength, findRecord, recordHeaderBytes, sequenceOf } from './record.ts';
import { isOfOtherVersion, readSegmentHeader, segmentHeaderBytes, type SegmentMark } from './segment.ts';

const readBytes = 1_048_576;

/** One record as it was read: its body is `bytes` from `start` to `end`, which are only good until the call returns. */
export type Visit = (sequence: number, bytes: Uint8Array, start: number, end: number, mark: SegmentMark) => void;

/** What is in a segment, up to where it ends or something is wrong. */
export interface Scanned {
  /** Undefined for what does not begin as a segment does. */
  readonly mark: SegmentMark | undefined;
  /** The end of what is whole. */
  readonly end: number;
  /** The end of the file. */
  readonly size: number;
  /** The sequence of the last record; the one before the first where there is none. */
  readonly last: number;
  /** What stands at `end` was cut off by the end of the file, and is not damaged otherwise. */
  readonly isCut: boolean;
}

/**
 * Reads a whole segment, and has every record that is whole visited; those of sequence 0 are about the segment itself.
 * @throws BusError `ERR_JOURNAL` for a segment of another version of the format.
 */
export async function scan(path: string, file: LogFile, visit: Visit, window = new Window()): Promise<Scanned> {
  const size = await file.size();
  window.begin(file, size);
  await window.reach(0, Math.min(size, readBytes));
  const head = window.bytes.subarray(0, window.end);
  const mark = readSegmentHeader(head);
  if (mark === undefined && isOfOtherVersion(head)) throw otherVersion(path);
  if (mark === undefined) return { mark, end: 0, size, last: 0, isCut: size < segmentHeaderBytes };
  let position = segmentHeaderBytes;
  let last = mark.first - 1;
  while (position < size) {
    const at = position - window.position;
    const found = findRecord(window.bytes, at, window.end);
    if (found === 'cut') {
      const left = window.end - at;
      const wanted = left < recordHeaderBytes ? recordHeaderBytes : recordHeaderBytes + bodyLength(window.bytes, at);
      const isCut = position + wanted > size;
      if (isCut) return { mark, end: position, size, last, isCut };
      await window.reach(position, Math.max(wanted, Math.min(readBytes, size - position)));
      continue;
    }
    const sequence = found === 'whole' ? sequenceOf(window.bytes, at) : 0;
    // One of another place is not what belongs here, be each of its own bytes as it was written.
    if (found === 'damaged' || (sequence <= last && sequence !== 0))
      return { mark, end: position, size, last, isCut: false };
    const start = at + recordHeaderBytes;
    const end = start + bodyLength(window.bytes, at);
    visit(sequence, window.bytes, start, end, mark);
    if (sequence !== 0) last = sequence;
    position += end - at;
  }
  return { mark, end: position, size, last, isCut: false };
}

function otherVersion(path: string): BusError {
  const text = `${path} is of another version of the format, which this version of busbar does not read`;
  return new BusError('ERR_JOURNAL', text, { details: { file: path } });
}

/** The part of a file that is in memory; of one file after the other. */
export class Window {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where it begins in the file. */
  position = 0;
  /** How much of `bytes` is filled. */
  end = 0;
  #file: LogFile | undefined;

  begin(file: LogFile, size: number): void {
    this.#file = file;
    this.position = this.end = 0;
    const usual = Math.min(size, readBytes);
    // One record may have been much larger.
    if (this.bytes.length < usual || this.bytes.length > readBytes) this.bytes = allocate(usual);
  }

  /** Has `count` bytes from `position` on in memory, which is not before what is there. */
  async reach(position: number, count: number): Promise<void> {
    const kept = this.bytes.subarray(position - this.position, this.end);
    if (count > this.bytes.length) {
      const larger = allocate(count);
      larger.set(kept);
      this.bytes = larger;
    } else {
      this.bytes.set(kept);
    }
    this.position = position;
    this.end = kept.length;
    this.end += await (this.#file as LogFile).read(this.bytes.subarray(this.end, count), position + this.end);
    if (this.end < count) throw new RangeError('The file became shorter while it was read');
  }
}
