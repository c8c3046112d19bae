import { deadIdOf, type DeadMark, readDead, readDiscarded } from '../format/dead-letter-record.ts';
import { RecordKind } from '../format/message-record.ts';
import { readOwned, readReceived } from '../format/received-record.ts';
import { strangeRecord } from '../format/whose-folder.ts';
import { recordHeaderBytes } from '../log/record.ts';
import type { Visit } from '../log/scan.ts';
import { type AnswerMark, type FoundAnswer, readAnswer } from './answers.ts';
import type { FoundDead } from './dead-letters.ts';
import { Progress, type ProgressRow } from './progress.ts';
import { type SenderRow, Senders } from './senders.ts';
import { roomOf, type Shares } from './shares.ts';

/** What holds of all records before a segment. */
interface InboxState {
  readonly senders: readonly SenderRow[];
  readonly progress: ProgressRow;
  /** The number of the next message. */
  readonly next: number;
  /** The sequences of the dead letters that are there. */
  readonly dead: readonly number[];
}

/** The heading of a segment. */
export function inboxHeading(state: InboxState): Uint8Array {
  return Buffer.from(`${String.fromCharCode(RecordKind.heading)}${JSON.stringify(state)}`);
}

interface Portion {
  readonly sequence: number;
  readonly folder: string;
  readonly bytes: number;
  readonly first: number;
  readonly end: number;
}

/** What an earlier process left, record by record. */
export class InboxFinds {
  readonly senders: Senders;
  readonly progress = new Progress();
  /** The dead letters, by their ids. */
  readonly dead = new Map<string, FoundDead>();
  /** What requests were answered with. */
  readonly answers: FoundAnswer[] = [];
  next = 1;
  readonly #nowMs: () => number;
  /** Those before it came while listeners stood. */
  #heard = 1;
  readonly #portions: Portion[] = [];

  constructor(nowMs: () => number, maxBytes: number, isBinding?: boolean) {
    this.#nowMs = nowMs;
    this.senders = new Senders(maxBytes, isBinding);
  }

  /** How many messages are there that were not handled. */
  get waiting(): number {
    return this.next - this.progress.next + this.progress.open.size;
  }

  /** After the last record: the first one that has something that is not handled. `shares`: to be told about all of them. */
  finish(shares: Shares): number | undefined {
    const { progress } = this;
    progress.begun = Math.max(progress.begun, this.#heard);
    let from: number | undefined;
    const open = [...progress.open.keys()].sort((a, b) => a - b);
    let at = 0;
    for (const { sequence, folder, bytes, first, end } of this.#portions) {
      // What was damaged is not waited for.
      for (; (open[at] ?? first) < first; at++) progress.done(open[at] as number);
      const before = at;
      while ((open[at] ?? end) < end) at += 1;
      if (end <= progress.next && at === before) continue;
      from ??= sequence;
      shares.take(folder, roomOf(bytes, end - first));
    }
    for (; at < open.length; at++) progress.done(open[at] as number);
    return from;
  }

  readonly visit: Visit = (sequence, bytes, start, end) => {
    switch (bytes[start]) {
      case RecordKind.received: {
        const { folder, journal, first, count, last, isHeard, isAgain } = readReceived(bytes, start);
        const sender = this.senders.wrote(folder, journal, last, this.#nowMs());
        this.next = Math.max(this.next, first + count);
        if (isHeard) this.#heard = this.next;
        if (isAgain) this.dead.delete(deadIdOf({ journal, sequence: last }));
        this.#portions.push({ sequence, folder: sender.folder, bytes: end - start, first, end: first + count });
        break;
      }
      case RecordKind.handled:
      case RecordKind.changes:
        this.progress.read(bytes, start, end);
        break;
      case RecordKind.dead:
        this.#die(sequence, recordHeaderBytes + end - start, readDead(bytes, start, end).mark);
        break;
      case RecordKind.discarded:
        this.dead.delete(readDiscarded(bytes, start, end));
        break;
      case RecordKind.answer:
        this.#answered(sequence, recordHeaderBytes + end - start, readAnswer(bytes, start, end).mark);
        break;
      case RecordKind.owned: {
        const { folder, owner } = readOwned(bytes, start, end);
        this.senders.owned(folder, owner);
        break;
      }
      case RecordKind.heading:
        this.#restore(JSON.parse(Buffer.from(bytes.subarray(start + 1, end)).toString()) as InboxState);
        break;
      default:
        throw strangeRecord(bytes[start], 'inbox');
    }
  };

  #answered(sequence: number, bytes: number, mark: AnswerMark): void {
    if (mark.expiresAt > this.#nowMs()) this.answers.push({ mark, sequence, bytes });
  }

  #die(sequence: number, bytes: number, mark: DeadMark): void {
    this.dead.set(deadIdOf(mark), { sequence, folder: mark.folder, bytes });
  }

  #restore({ senders, progress, next, dead }: InboxState): void {
    this.senders.restore(senders);
    this.progress.restore(progress);
    this.next = Math.max(this.next, next);
    const left = new Set(dead);
    for (const [id, { sequence }] of this.dead) if (!left.has(sequence)) this.dead.delete(id);
  }
}
