import { BusError } from '../../../base/errors.ts';
import { resolveOptions } from '../../../base/options.ts';
import { systemRandom, token } from '../../../base/random.ts';
import { textOf } from '../../../base/thrown.ts';
import { Signal } from '../../../base/wait.ts';
import { Batch } from './batch.ts';
import { keptFolderId } from './folder-id.ts';
import { FolderLock } from './folder-lock.ts';
import { type LogOptions, logTable, type ResolvedLogOptions } from './log-options.ts';
import { LogReader } from './log-reader.ts';
import { bodyLength, recordHeaderBytes, sequenceOf } from './record.ts';
import { recover, type Segment } from './repair.ts';
import type { Visit } from './scan.ts';
import { Segments } from './segments.ts';

const readBytes = 262_144;
const noHead = new Uint8Array(0);

/** A record as it is read back. */
export interface LogRecord {
  readonly sequence: number;
  /** The `id` of the log when it was written. */
  readonly journal: string;
  readonly body: Uint8Array;
}

/** What a log needs of the part that keeps records in it. */
export interface LogOwner {
  /** Learns of each record that is there, in order, while the log is opened. */
  readonly visit?: Visit | undefined;
  /** What a new segment begins with, as records of sequence 0: what holds of all that was written before it. */
  readonly heading?: (() => readonly Uint8Array[]) | undefined;
  /** The size from which on another segment is begun: a sixteenth of `maxBytes` and 16 MiB at most, and less with this. */
  readonly segmentBytes?: number | undefined;
  /** The id of the folder stays also where nothing was written yet. */
  readonly keepsId?: boolean | undefined;
  /** The folder is in one that its owner has: it takes no lock of its own. */
  readonly isWithin?: boolean | undefined;
}

/**
 * Records in a folder, which outlive the process: appended, read back in order when the folder is opened the next time, and
 * removed from the oldest on. One write is in flight at a time, and what is appended meanwhile goes with the next one.
 */
export class Log {
  /** The id of the folder, which stays. */
  readonly folderId: string;
  /** The id of this opening of the folder: a pair of it and a sequence is given once, whatever happens to the folder. */
  readonly id: string;
  /** What was found damaged when the folder was opened, as `ERR_JOURNAL_CORRUPT`. */
  readonly damages: readonly BusError[];
  readonly #options: ResolvedLogOptions;
  readonly #lock: FolderLock | undefined;
  readonly #segments: Segments;
  readonly #room = new Signal();
  readonly #idle = new Signal();
  readonly #makers: (() => Uint8Array | undefined)[] = [];
  #gathering: Batch;
  /** The one that is being written, or was last. */
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;
  #writingBytes = 0;
  #next: number;
  #written: number;
  #failure: BusError | undefined;
  #isClosed = false;

  private constructor(
    ids: { readonly folderId: string; readonly id: string },
    options: ResolvedLogOptions,
    lock: FolderLock | undefined,
    segments: Segments,
    damages: readonly BusError[],
  ) {
    this.folderId = ids.folderId;
    this.id = ids.id;
    this.damages = damages;
    this.#options = options;
    this.#lock = lock;
    this.#segments = segments;
    this.#written = segments.last;
    this.#next = this.#written + 1;
    this.#gathering = new Batch();
  }

  /**
   * Opens the log in `folder`, which is made, for this user alone, where it is not there. Rejects with `ERR_JOURNAL_IN_USE` where
   * somebody has it, `ERR_JOURNAL` with the system's error as cause, and `ERR_INVALID_OPTION`.
   */
  static async open(folder: string, given: LogOptions = {}, owner: LogOwner = {}): Promise<Log> {
    const options = resolveOptions('Log', logTable, given);
    const { files } = options;
    const lock = await failingAs(`The journal in ${folder} cannot be opened`, async () => {
      await files.makeFolder(folder);
      return owner.isWithin === true ? undefined : FolderLock.take(files, folder);
    });
    try {
      return await failingAs(`The journal in ${folder} cannot be read`, async () => {
        const found = await recover(options, folder, owner.visit ?? (() => {}));
        const ids = {
          folderId:
            found.folder ?? (owner.keepsId === true ? await keptFolderId(options, folder) : token(systemRandom)),
          id: token(systemRandom),
        };
        const marks = { folder: ids.folderId, journal: ids.id };
        const segments = new Segments(folder, options, marks, found.segments, owner);
        return new Log(ids, options, lock, segments, found.damages);
      });
    } catch (error) {
      await lock?.free().catch(ignore);
      throw error;
    }
  }

  /** The bytes of all segments, and what is about to be written. */
  get bytes(): number {
    return this.#segments.bytes + this.#writingBytes + this.#gathering.bytes;
  }

  get segments(): readonly Segment[] {
    return this.#segments.all;
  }

  /** The last sequence that was given. */
  get last(): number {
    return this.#next - 1;
  }

  /** The last sequence that was written. */
  get written(): number {
    return this.#written;
  }

  /** Why nothing can be appended any more; undefined while it can. */
  get failure(): BusError | undefined {
    return this.#failure ?? (this.#isClosed ? new BusError('ERR_CLOSED', 'The journal is closed') : undefined);
  }

  /**
   * Takes a record of `head` and `body`, which are copied, and returns its sequence; undefined where there is no room.
   * `pending` tells when it is written.
   * @throws BusError `ERR_TOO_LARGE` for more than `maxBytes`, or what the log failed with.
   */
  append(body: Uint8Array, head: Uint8Array = noHead): number | undefined {
    if (this.failure !== undefined) throw this.failure;
    const bytes = recordHeaderBytes + head.length + body.length;
    const { maxBytes } = this.#options;
    if (bytes > maxBytes)
      throw new BusError('ERR_TOO_LARGE', `The record has ${bytes} bytes, the journal takes ${maxBytes}`);
    const gathered = this.#gathering.bytes;
    if (gathered > 0 && gathered + bytes > this.#segments.mostBytes) return undefined;
    if (gathered + bytes + this.#segments.closedBytes > maxBytes) return undefined;
    return this.#add(head, body);
  }

  /**
   * The same for what says that others are not needed any more: there is always room for it, since nothing would ever be
   * removed from a folder that is full. Throws what the log failed with.
   */
  note(body: Uint8Array, head: Uint8Array = noHead): number {
    if (this.failure !== undefined) throw this.failure;
    return this.#add(head, body);
  }

  /** The same for what continues where all that is there is not needed any more: another segment is begun with it. */
  noteAnew(body: Uint8Array): number {
    const sequence = this.note(body);
    this.#segments.isFull = true;
    return sequence;
  }

  /** `make` says with each write what else is to be noted, if anything. */
  alongside(make: () => Uint8Array | undefined): void {
    this.#makers.push(make);
  }

  /** Resolves when all that was appended is written, or rejects why it never will be; one promise for a whole batch. */
  get pending(): Promise<void> {
    return this.#gathering.last === 0 ? this.#writing : this.#gathering.written;
  }

  /** Resolves when there may be room again, or nothing can be appended any more. */
  whenRoom(): Promise<void> {
    return this.#room.next();
  }

  /** Removes the segments that have nothing from `sequence` on; the last one stays. */
  keepFrom(sequence: number): void {
    this.keepOnly(({ last }) => last >= sequence);
  }

  /** Removes the segments that nobody needs; the last one stays. */
  keepOnly(isNeeded: (segment: Segment) => boolean): void {
    if (!this.#isClosed && this.#segments.release(isNeeded)) this.#room.wake();
  }

  /** What was written, from `sequence` on, in order; what is written meanwhile too. Rejects with the system's error. */
  async *read(sequence: number): AsyncGenerator<LogRecord, void, void> {
    const reader = this.reader(sequence);
    try {
      for (let found = await reader.next(readBytes); found !== undefined; found = await reader.next(readBytes)) {
        const { bytes, journal } = found;
        for (let at = 0; at < bytes.length; ) {
          const start = at + recordHeaderBytes;
          const end = start + bodyLength(bytes, at);
          yield { sequence: sequenceOf(bytes, at), journal, body: bytes.subarray(start, end) };
          at = end;
        }
      }
    } finally {
      await reader.close();
    }
  }

  /** The same, as it stands in the files; `position` is where in its segment the first one begins, where that is known. */
  reader(sequence: number, position?: number): LogReader {
    return new LogReader(this.#options.files, this.#segments, sequence, position);
  }

  /** Tells the next owner that the folder is about to be free, and worth waiting for. */
  leave(): void {
    if (!this.#isClosed) this.#lock?.leave();
  }

  /** Takes nothing more, waits until all that was appended is written, and releases the folder. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    while (this.#isWriting) await this.#idle.next();
    this.#room.wake();
    await this.#segments.close();
    await this.#lock?.free();
  }

  #add(head: Uint8Array, body: Uint8Array): number {
    const sequence = this.#next++;
    this.#gathering.add(sequence, head, body);
    if (!this.#isWriting) this.#begin();
    return sequence;
  }

  /** Once all that continues in this turn has had its chance to append. */
  #begin(): void {
    this.#isWriting = true;
    queueMicrotask(() => void this.#writeAll());
  }

  async #writeAll(): Promise<void> {
    while (this.#gathering.last !== 0 && this.#failure === undefined) {
      const batch = this.#gathering;
      for (const make of this.#makers) {
        const note = make();
        if (note !== undefined) batch.add(this.#next++, noHead, note);
      }
      this.#writing = batch.written;
      this.#writingBytes = batch.bytes;
      this.#gathering = new Batch();
      try {
        await this.#segments.write(batch);
        this.#written = batch.last;
        batch.done();
      } catch (error) {
        this.#fail(batch, error);
      }
      this.#writingBytes = 0;
      this.#room.wake();
    }
    this.#isWriting = false;
    this.#idle.wake();
  }

  /**
   * Records that may be on the disk or not never count as written, and nothing is tried again as if nothing had
   * happened.
   */
  #fail(batch: Batch, cause: unknown): void {
    const error = new BusError('ERR_JOURNAL', `The journal cannot be written: ${textOf(cause)}`, { cause });
    this.#failure = error;
    batch.failed(error);
    this.#gathering.failed(error);
  }
}

/** Rejects with `ERR_JOURNAL` for what fails with an error of the system's. */
async function failingAs<T>(text: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BusError) throw error;
    throw new BusError('ERR_JOURNAL', `${text}: ${textOf(error)}`, { cause: error });
  }
}

function ignore(): undefined {}
