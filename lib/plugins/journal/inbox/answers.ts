import { markedHead, readMarked } from '../format/marked-record.ts';
import { RecordKind } from '../format/message-record.ts';
import { type KeptRecord, KeptRecords } from '../log/kept-records.ts';
import type { Log } from '../log/log.ts';
import type { Needs } from '../log/needs.ts';
import { recordHeaderBytes } from '../log/record.ts';
import type { Segment } from '../log/repair.ts';
import type { Shares } from './shares.ts';

/** Of one sender, and of all. Older ones go before their time. */
const mostKept = 100_000;
const mostKeptOfAll = 400_000;
/** What those of one sender may have of the folder, and those of all. */
const part = 1 / 16;
const partOfAll = 1 / 4;
/** What goes at once of the sender that has most. */
const dropped = 1 / 16;

/** What is known of an answer, but for what it is. */
export interface AnswerMark {
  /** The id of the folder of who asked. */
  readonly folder: string;
  /** As `requestIdOf` has it. */
  readonly id: string;
  /** Of what was asked. */
  readonly digest: string;
  readonly isError: boolean;
  /** Until then it is kept; in milliseconds that mean the same in the next process. */
  readonly expiresAt: number;
}

/** Where one is. */
export interface FoundAnswer {
  readonly mark: AnswerMark;
  readonly sequence: number;
  /** Of its record. */
  readonly bytes: number;
}

/** A request that somebody asked. */
export interface Asked {
  readonly digest: string;
  /** undefined while it is handled. */
  readonly answer:
    | { readonly mark: AnswerMark; readonly bytes: number; readonly record: KeptRecord; free(): void }
    | undefined;
}

interface Folder {
  /** The oldest first. */
  readonly asked: Map<string, Asked>;
  bytes: number;
}

/** Of one's own log; `data` is a part of `bytes`. */
export function readAnswer(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly mark: AnswerMark; readonly data: Uint8Array } {
  const { mark, data } = readMarked(bytes, start, end);
  return { mark: mark as AnswerMark, data };
}

/** The answers of requests, so that each is handled once, however often it is repeated. */
export class Answers {
  readonly #log: Log;
  readonly #records: KeptRecords;
  readonly #shares: Shares;
  readonly #maxBytes: number;
  readonly #folders = new Map<string, Folder>();
  #bytes = 0;
  #count = 0;

  constructor(log: Log, needs: Needs, shares: Shares, maxBytes: number, found: Iterable<FoundAnswer>) {
    this.#log = log;
    this.#records = new KeptRecords(log, needs);
    this.#shares = shares;
    this.#maxBytes = maxBytes;
    // One that was written again is older than where it stands.
    for (const answer of [...found].sort((a, b) => a.mark.expiresAt - b.mark.expiresAt)) this.#put(answer);
  }

  find(folder: string, id: string, nowMs: number): Asked | undefined {
    const asked = this.#folders.get(folder)?.asked.get(id);
    return asked?.answer !== undefined && asked.answer.mark.expiresAt <= nowMs ? undefined : asked;
  }

  /** It is handled now. */
  begin(folder: string, id: string, digest: string): void {
    this.forget(folder, id);
    this.#folderOf(folder).asked.set(id, { digest, answer: undefined });
  }

  /** Resolves once it is written; rejects with what the log fails with. */
  async keep(mark: AnswerMark, data: Uint8Array): Promise<void> {
    const head = markedHead(RecordKind.answer, mark);
    const sequence = this.#log.note(data, head);
    await this.#log.pending;
    this.#put({ mark, sequence, bytes: recordHeaderBytes + head.length + data.length });
  }

  /** Resolves with what it was answered with; undefined where that is gone. */
  async read({ answer }: Asked): Promise<Uint8Array | undefined> {
    if (answer === undefined) return undefined;
    let found: Uint8Array | undefined;
    await this.#records.read([answer.record], (_record, bytes, start, end) => {
      found = readAnswer(bytes, start, end).data;
    });
    return found;
  }

  /** As `KeptRecords.move`. */
  move(segment: Segment): Promise<number> {
    return this.#records.move(segment);
  }

  /** Drops some of the sender that has most, where those of the segment take the room that messages need; false where none do. */
  giveWay(segment: Segment): boolean {
    return this.#records.areIn(segment) && this.#drop();
  }

  /** Nobody asks for it any more. */
  forget(folder: string, id: string): void {
    const known = this.#folders.get(folder);
    const asked = known?.asked.get(id);
    if (known === undefined || asked === undefined) return;
    known.asked.delete(id);
    if (asked.answer !== undefined) {
      known.bytes -= asked.answer.bytes;
      this.#bytes -= asked.answer.bytes;
      this.#count -= 1;
      asked.answer.free();
    }
    if (known.asked.size === 0) this.#folders.delete(folder);
  }

  /** Those go whose time is over. */
  sweep(nowMs: number): void {
    for (const [folder, { asked }] of this.#folders) {
      for (const [id, { answer }] of asked) {
        if (answer === undefined) continue;
        if (answer.mark.expiresAt > nowMs) break;
        this.forget(folder, id);
      }
    }
  }

  #put({ mark, sequence, bytes }: FoundAnswer): void {
    const { folder, id, digest } = mark;
    this.forget(folder, id);
    const record = this.#records.keep(sequence, bytes);
    this.#shares.take(folder, bytes);
    const free = (): void => {
      this.#shares.give(folder, bytes);
      record.free();
    };
    const known = this.#folderOf(folder);
    known.asked.set(id, { digest, answer: { mark, bytes, record, free } });
    known.bytes += bytes;
    this.#bytes += bytes;
    this.#count += 1;
    for (const [other, { answer }] of known.asked) {
      if (known.asked.size <= mostKept && known.bytes <= this.#maxBytes * part) break;
      if (answer !== undefined && other !== id) this.forget(folder, other);
    }
    while (this.#count > mostKeptOfAll || this.#bytes > this.#maxBytes * partOfAll) if (!this.#drop(mark)) break;
  }

  /** Some of the sender that has most, the oldest first, but for the one that came last; false where there are no others. */
  #drop(last?: AnswerMark): boolean {
    let [largest, most] = ['', 0];
    for (const [folder, { bytes }] of this.#folders) if (bytes > most) [largest, most] = [folder, bytes];
    const before = this.#count;
    const known = this.#folders.get(largest);
    for (const [id, { answer }] of known?.asked ?? []) {
      if (answer === undefined || answer.mark === last) continue;
      this.forget(largest, id);
      if ((known?.bytes ?? 0) <= most * (1 - dropped)) break;
    }
    return this.#count < before;
  }

  #folderOf(folder: string): Folder {
    const known = this.#folders.get(folder) ?? { asked: new Map<string, Asked>(), bytes: 0 };
    this.#folders.set(folder, known);
    return known;
  }
}
