import type { Clock } from '../../../base/clock.ts';
import { Signal } from '../../../base/wait.ts';
import { messageHead, messageHeadBytes, messagesIn, RecordKind, setMessageTime } from '../format/message-record.ts';
import { strangeRecord } from '../format/whose-folder.ts';
import { LatestNote } from '../log/latest-note.ts';
import type { LogOptions } from '../log/log-options.ts';
import { Log } from '../log/log.ts';
import { readUint48, recordHeaderBytes, writeUint48 } from '../log/record.ts';
import type { SegmentMark } from '../log/segment.ts';
import { type Share, spareBytes } from './budget.ts';
import { KeyedRequests } from './keyed-requests.ts';
import type { Source, SourceReader } from './source.ts';

const readBytes = 262_144;
/** Of a log that is one of many in a journal: each keeps its last segment. */
const sharedSegmentBytes = 1_048_576;

/** What waits of one sender. */
export interface Waiting {
  readonly messages: number;
  readonly bytes: number;
  /** When the oldest was sent, and the last one; 0 where there is none. */
  readonly oldestAt: number;
  readonly lastAt: number;
}

/** The messages of a segment as it was found. */
interface FoundSegment {
  readonly mark: SegmentMark;
  messages: number;
  bytes: number;
  /** The sequence of the last one, and when that was sent. */
  last: number;
  lastAt: number;
}

/** The messages of one sender in its folder, and up to where the peer has them. */
export class OutboxLog implements Source {
  readonly log: Log;
  readonly before: number;
  readonly requests: KeyedRequests;
  /** The peer has all up to it. */
  #taken: number;
  #lastMessage: number;
  #messages = 0;
  #bytes = 0;
  /** When the last one was sent; 0 where there is none. */
  #lastAt = 0;
  /** Of the one that is appended. */
  readonly #head = messageHead(0);
  readonly #share: Share | undefined;
  #isShrinking = false;
  readonly #room = new Signal();
  /** The log has not said anything since it was asked for room. */
  #hasAsked = false;
  /** Of `taken`: what is not noted when the process dies, the peer tells when it is asked the next time. */
  readonly #mark: LatestNote;

  private constructor(log: Log, taken: number, requests: KeyedRequests, clock: Clock, share: Share | undefined) {
    this.log = log;
    this.requests = requests;
    this.before = log.last;
    this.#share = share;
    this.#taken = this.#lastMessage = taken;
    this.#mark = new LatestNote(log, clock, () => takenRecord(this.#taken));
  }

  /** `share` is its part of what may wait in several of them. Rejects as `Log.open`. */
  static async open(folder: string, options: LogOptions, clock: Clock, share?: Share): Promise<OutboxLog> {
    let taken = 0;
    const found: FoundSegment[] = [];
    const known: { box?: OutboxLog } = {};
    const requests = new KeyedRequests();
    const log = await Log.open(folder, options, {
      visit: (sequence, bytes, start, end, mark) => {
        const kind = bytes[start];
        if (kind === RecordKind.taken) taken = Math.max(taken, readUint48(bytes, start + 1));
        else if (kind !== RecordKind.message) throw strangeRecord(kind, 'outbox');
        if (kind !== RecordKind.message) return;
        if (found.at(-1)?.mark !== mark) found.push({ mark, messages: 0, bytes: 0, last: 0, lastAt: 0 });
        const segment = found.at(-1) as FoundSegment;
        segment.messages += 1;
        segment.bytes += recordHeaderBytes + end - start;
        segment.last = sequence;
        segment.lastAt = readUint48(bytes, start + 1);
        requests.add(bytes.subarray(start + messageHeadBytes, end), sequence);
      },
      heading: () => (known.box === undefined ? [] : [takenRecord(known.box.#taken)]),
      // By it a server knows the client.
      keepsId: share === undefined,
      isWithin: share !== undefined,
      segmentBytes: share === undefined ? undefined : sharedSegmentBytes,
    });
    requests.take(taken);
    const box = new OutboxLog(log, taken, requests, clock, share);
    known.box = box;
    log.keepFrom(taken + 1);
    for (const segment of found) await box.#count(segment);
    if (share !== undefined) share.shrink = () => void box.#shrink().catch(() => {});
    box.#account();
    return box;
  }

  get folderId(): string {
    return this.log.folderId;
  }

  get taken(): number {
    return this.#taken;
  }

  /** The sequence of the last message; the peer has all where that is `taken`. */
  get lastMessage(): number {
    return this.#lastMessage;
  }

  get journals(): (readonly [journal: string, last: number])[] {
    const found = new Map<string, number>();
    for (const { journal, last } of this.log.segments) found.set(journal, last);
    found.set(this.log.id, this.log.last);
    return [...found];
  }

  /** The sequence it has in the journal from now on; undefined where there is no room. Throws as `Log.append`. */
  append(body: Uint8Array): number | undefined {
    const bytes = recordHeaderBytes + messageHeadBytes + body.length;
    if (this.#share?.hasRoom(bytes) === false) return undefined;
    const now = Date.now();
    setMessageTime(this.#head, now);
    const sequence = this.log.append(body, this.#head);
    if (sequence === undefined) return undefined;
    this.#lastMessage = sequence;
    this.#messages += 1;
    this.#bytes += bytes;
    this.#lastAt = now;
    this.#account();
    return sequence;
  }

  take(sequence: number, messages: number, bytes: number): void {
    if (sequence <= this.#taken) return;
    this.#taken = sequence;
    this.#messages -= messages;
    this.#bytes -= bytes;
    this.requests.take(sequence);
    this.log.keepFrom(sequence + 1);
    this.#account();
    this.#mark.changed();
  }

  /** Acknowledged records are noted at once: the peer could not tell about them. */
  mark(): void {
    this.#mark.now();
  }

  /** Nothing waits any more, whatever the peer has. Resolves once that is written; rejects with what the log failed with. */
  async takeAll(): Promise<void> {
    this.take(this.#lastMessage, this.#messages, this.#bytes);
    this.mark();
    await this.log.pending;
  }

  /** Resolves when there may be room again, or nothing can be appended any more. */
  whenRoom(): Promise<void> {
    const wake = (): void => this.#room.wake();
    if (!this.#hasAsked) {
      this.#hasAsked = true;
      void this.log.whenRoom().then(() => {
        this.#hasAsked = false;
        wake();
      });
    }
    void this.#share?.whenRoom().then(wake);
    return this.#room.next();
  }

  reader(): SourceReader {
    return this.log.reader(this.#taken + 1);
  }

  /** What waits, by now. Rejects with what the log failed with. */
  async waiting(): Promise<Waiting> {
    if (this.#messages === 0) return this.#totals(0);
    await this.log.pending;
    const reader = this.reader();
    try {
      for (let found = await reader.next(1); found !== undefined; found = await reader.next(1)) {
        const [oldest] = messagesIn(found.bytes);
        if (oldest !== undefined) return this.#totals(oldest.timeMs);
      }
    } finally {
      await reader.close();
    }
    return this.#totals(Date.now());
  }

  async close(): Promise<void> {
    this.#mark.end();
    if (this.#share !== undefined) {
      // There may be many of them, and most have nothing.
      await this.#shrink().catch(() => {});
      this.#share.shrink = undefined;
    }
    await this.log.close();
  }

  /** Where nothing waits, what the peer has goes too, which the last segment keeps otherwise. Rejects with what the log failed with. */
  async #shrink(): Promise<void> {
    if (this.#messages > 0 || this.#isShrinking || this.log.bytes <= spareBytes) return;
    this.#isShrinking = true;
    try {
      const sequence = this.log.noteAnew(takenRecord(this.#taken));
      await this.log.pending;
      this.log.keepFrom(sequence);
    } finally {
      this.#isShrinking = false;
      this.#account();
    }
  }

  #account(): void {
    this.#share?.set(this.log.bytes, this.#bytes);
  }

  #totals(oldestAt: number): Waiting {
    return { messages: this.#messages, bytes: this.#bytes, oldestAt, lastAt: this.#lastAt };
  }

  /** What waits of a segment; of one that the peer has in part, by reading it again. */
  async #count({ mark, messages, bytes, last, lastAt }: FoundSegment): Promise<void> {
    if (last <= this.#taken) return;
    this.#lastMessage = last;
    this.#lastAt = lastAt;
    if (mark.first > this.#taken) {
      this.#messages += messages;
      this.#bytes += bytes;
      return;
    }
    const reader = this.reader();
    const next = (): ReturnType<typeof reader.next> => reader.next(readBytes, () => last);
    for (let found = await next(); found; found = await next()) {
      for (const { start, end } of messagesIn(found.bytes)) {
        this.#messages += 1;
        this.#bytes += recordHeaderBytes + messageHeadBytes + end - start;
      }
    }
    await reader.close();
  }
}

function takenRecord(sequence: number): Uint8Array {
  const record = Buffer.alloc(7);
  record[0] = RecordKind.taken;
  writeUint48(record, 1, sequence);
  return record;
}
