import { RecordKind } from '../format/message-record.ts';
import { readUint48, writeUint48 } from '../log/record.ts';

const entryBytes = 8;
const openAt = 13;
/** Instead of a number of attempts. */
const isDone = 0xffff;

/** As it stands at the head of a segment. */
export interface ProgressRow {
  readonly next: number;
  readonly begun: number;
  readonly open: readonly (readonly [number: number, attempts: number])[];
}

/** Which of all messages were handled, by their numbers: those before `next`, but for those that are open. */
export class Progress {
  /** The next one to be handed out. */
  next = 1;
  /** Those before it may have been heard by listeners. */
  begun = 1;
  /** Those that were handed out, with how often a consumer began with them, but for the last one. */
  readonly #open = new Map<number, number>();
  /** That one stands here, since most are done before the next one is handed out; 0: it is done. */
  #last = 0;
  #lastAttempts = 0;

  /** Those that were handed out, with how often a consumer began with them. */
  get open(): ReadonlyMap<number, number> {
    this.#settle();
    return this.#open;
  }

  get row(): ProgressRow {
    return { next: this.next, begun: this.begun, open: [...this.open] };
  }

  /** Instead of what it was. */
  restore({ next, begun, open }: ProgressRow): void {
    this.next = next;
    this.begun = begun;
    this.#restart(open);
  }

  /** Whether nothing is left of those from `first` to before `end`. */
  hasAll(first: number, end: number): boolean {
    if (end > this.next) return false;
    for (let number = first; number < end; number++) if (this.open.has(number)) return false;
    return true;
  }

  /** It was handed out, and begun with so often. */
  opened(number: number, attempts: number): void {
    this.#reach(number);
    if (this.#last !== number) this.#settle();
    this.#last = number;
    this.#lastAttempts = attempts;
  }

  done(number: number): void {
    this.#reach(number);
    if (this.#last === number) this.#last = 0;
    if (this.#open.size > 0) this.#open.delete(number);
  }

  /** What is noted of it as a whole. */
  get record(): Uint8Array {
    const { open } = this;
    const record = Buffer.alloc(openAt + open.size * entryBytes);
    record[0] = RecordKind.handled;
    writeUint48(record, 1, this.next);
    writeUint48(record, 7, this.begun);
    let at = openAt;
    for (const [number, attempts] of open) at = writeEntry(record, at, number, attempts);
    return record;
  }

  /** Takes what an earlier process noted, as a whole or as changes. */
  read(bytes: Uint8Array, start: number, end: number): void {
    if (bytes[start] === RecordKind.handled) {
      this.next = readUint48(bytes, start + 1);
      this.begun = readUint48(bytes, start + 7);
      this.#restart(entriesIn(bytes, start + openAt, end));
    } else {
      for (const [number, attempts] of changesIn(bytes, start, end)) {
        if (attempts === undefined) this.done(number);
        else this.opened(number, attempts);
      }
    }
  }

  /** Those that were passed over were not begun with. */
  #reach(number: number): void {
    for (; this.next < number; this.next++) this.#open.set(this.next, 0);
    if (this.next === number) this.next += 1;
  }

  #restart(open: Iterable<readonly [number: number, attempts: number]>): void {
    this.#last = 0;
    this.#open.clear();
    for (const [number, attempts] of open) this.#open.set(number, attempts);
  }

  #settle(): void {
    if (this.#last !== 0) this.#open.set(this.#last, this.#lastAttempts);
    this.#last = 0;
  }
}

/** A change: how often a consumer has begun with a message; undefined when it is done. */
export type Change = readonly [number: number, attempts: number | undefined];

export function changesRecord(changes: readonly Change[]): Uint8Array {
  const record = Buffer.alloc(1 + changes.length * entryBytes);
  record[0] = RecordKind.changes;
  let at = 1;
  for (const [number, attempts] of changes) at = writeEntry(record, at, number, attempts ?? isDone);
  return record;
}

export function* changesIn(bytes: Uint8Array, start: number, end: number): Generator<Change, void, void> {
  for (const [number, attempts] of entriesIn(bytes, start + 1, end)) {
    yield [number, attempts === isDone ? undefined : attempts];
  }
}

function writeEntry(record: Buffer, at: number, number: number, attempts: number): number {
  writeUint48(record, at, number);
  record.writeUInt16LE(attempts, at + 6);
  return at + entryBytes;
}

function* entriesIn(bytes: Uint8Array, from: number, end: number): Generator<[number, number], void, void> {
  for (let at = from; at + entryBytes <= end; at += entryBytes) {
    yield [readUint48(bytes, at), (bytes[at + 6] as number) | ((bytes[at + 7] as number) << 8)];
  }
}
