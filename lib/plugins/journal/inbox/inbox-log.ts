import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { codeOf, textOf } from '../../../base/thrown.ts';
import { sleep } from '../../../base/wait.ts';
import { messageHead } from '../format/message-record.ts';
import { receivedHead, receivedHeadBytes } from '../format/received-record.ts';
import { FolderLock } from '../log/folder-lock.ts';
import type { ResolvedLogOptions } from '../log/log-options.ts';
import { Log } from '../log/log.ts';
import { Needs } from '../log/needs.ts';
import { recordHeaderBytes, sealRecord } from '../log/record.ts';
import { wallTimeOf } from '../log/wall-time.ts';
import { Answers } from './answers.ts';
import { DeadLetters, type FoundLetter, noDeadLetter } from './dead-letters.ts';
import { inboxHeading, InboxFinds } from './inbox-finds.ts';
import type { Progress } from './progress.ts';
import type { Senders } from './senders.ts';
import { roomOf, Shares } from './shares.ts';

const pollMs = 50;
const latePollMs = 500;
const mostWaitMs = 10_000;
/** What of a segment is written again, so that it goes: as long as there is room, and where there is none. */
const mostOfSparse = 1 / 2;
const mostOfFull = 7 / 8;

/** Waits for a folder that its owner is about to release, however long that takes. */
export interface Heir {
  /** Waits no longer. */
  readonly signal: AbortSignal;
  /** Hears once that it takes long. */
  late(error: unknown): void;
}

/** What came to one end, in its folder: of whom, which of it was handled, and what failed permanently. */
export class InboxLog {
  readonly log: Log;
  readonly needs: Needs;
  readonly shares: Shares;
  readonly deadLetters: DeadLetters;
  readonly answers: Answers;
  readonly senders: Senders;
  readonly progress: Progress;
  /** Where the first record is that may not be handled. */
  readonly from: number;
  /** The number of the next message. */
  next: number;
  readonly #nowMs: () => number;
  #failure: BusError | undefined;

  private constructor(log: Log, maxBytes: number, found: InboxFinds, nowMs: () => number) {
    this.log = log;
    this.senders = found.senders;
    this.progress = found.progress;
    this.next = found.next;
    this.#nowMs = nowMs;
    this.shares = new Shares(log, maxBytes, (folder) => found.senders.ownerOf(folder));
    this.from = found.finish(this.shares) ?? log.last + 1;
    this.needs = new Needs(log);
    this.deadLetters = new DeadLetters(log, this.needs, this.shares, found.dead);
    this.answers = new Answers(log, this.needs, this.shares, maxBytes, found.answers);
    this.needs.see(this.from - 1);
  }

  /**
   * Opens it. Waits if its owner is about to release it: for a while if the owner said so, and an `heir` without a
   * limit. `isBinding`: as of `Senders`. Rejects as `Log.open`.
   */
  static async open(
    folder: string,
    options: ResolvedLogOptions,
    clock: Clock,
    heir?: Heir,
    isBinding?: boolean,
  ): Promise<InboxLog> {
    const nowMs = wallTimeOf(clock);
    const until = clock.now() + mostWaitMs;
    let isLate = false;
    for (;;) {
      const found = new InboxFinds(nowMs, options.maxBytes, isBinding);
      const known: { inbox?: InboxLog } = {};
      const heading = (): Uint8Array[] => (known.inbox === undefined ? [] : [known.inbox.#heading]);
      try {
        const log = await Log.open(folder, options, { visit: found.visit, heading });
        known.inbox = new InboxLog(log, options.maxBytes, found, nowMs);
        return known.inbox;
      } catch (error) {
        if (codeOf(error) !== 'ERR_JOURNAL_IN_USE' || heir?.signal.aborted === true) throw error;
        const wasLate = isLate;
        isLate = clock.now() >= until;
        if (heir === undefined && (isLate || !(await FolderLock.isLeft(options.files, folder)))) throw error;
        if (isLate && !wasLate) heir?.late(error);
        await sleep(clock, isLate ? latePollMs : pollMs);
      }
    }
  }

  /** Why nothing more is accepted; undefined while it is. */
  get failure(): BusError | undefined {
    return this.#failure ?? this.log.failure;
  }

  /** What is here cannot be read back, so that whatever else came would not be heard. */
  unreadable(cause: unknown): BusError {
    this.#failure ??= new BusError('ERR_JOURNAL', `The journal cannot be read: ${textOf(cause)}`, { cause });
    this.shares.freed.wake();
    return this.#failure;
  }

  /** Milliseconds that mean the same in the next process. */
  now(): number {
    return this.#nowMs();
  }

  /** A dead letter is heard again, as if it had just come. Rejects with `ERR_INVALID_ARGUMENT`, or what the log fails with. */
  async revive({ id, mark, data }: FoundLetter): Promise<void> {
    if (this.log.failure !== undefined) throw this.log.failure;
    if (!this.deadLetters.leave(id)) throw noDeadLetter(id);
    const { folder, journal, sequence } = mark;
    const head = receivedHead({
      isHeard: false,
      isAgain: true,
      isOld: false,
      folder,
      journal,
      after: sequence - 1,
      last: sequence,
      first: this.next,
      count: 1,
    });
    this.next += 1;
    const record = asMessage(sequence, data, this.now());
    this.shares.take(folder, roomOf(head.length + record.length, 1));
    this.log.note(record, head);
    await this.log.pending;
    this.deadLetters.forget(id);
  }

  /** All up to `sequence` was looked at: it goes, or may be written again where there is no room. */
  see(sequence: number): void {
    this.needs.see(sequence);
    if (this.shares.freed.isAwaited) this.shares.freed.wake();
  }

  /** Most bytes of records that one write may have of a sender. */
  get mostBytes(): number {
    return this.shares.maxBytes - recordHeaderBytes - receivedHeadBytes;
  }

  /**
   * Where little of a segment is needed, and that for long, writes it again at the end, so that the segment goes; answers give
   * way where there is no room for `bytes` else. False where nothing was done, or the log failed.
   */
  async makeRoom(bytes: number): Promise<boolean> {
    const isFull = bytes > 0 && this.log.bytes + bytes > this.shares.maxBytes;
    const sparse = this.needs.sparse(isFull ? mostOfFull : mostOfSparse);
    if (sparse === undefined) return isFull && this.needs.movable.some((segment) => this.answers.giveWay(segment));
    try {
      return (await this.deadLetters.move(sparse)) + (await this.answers.move(sparse)) > 0;
    } catch {
      return false;
    }
  }

  get #heading(): Uint8Array {
    const { senders, progress, next, deadLetters } = this;
    return inboxHeading({ senders: senders.rows, progress: progress.row, next, dead: deadLetters.sequences });
  }
}

/** As it stood in the journal of its sender. */
function asMessage(sequence: number, data: Uint8Array, timeMs: number): Uint8Array {
  const head = messageHead(timeMs);
  const record = Buffer.alloc(recordHeaderBytes + head.length + data.length);
  record.set(head, recordHeaderBytes);
  record.set(data, recordHeaderBytes + head.length);
  sealRecord(record, 0, head.length + data.length, sequence);
  return record;
}
