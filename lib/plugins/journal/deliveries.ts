import { Handling } from '../../base/handling.ts';
import { Queue } from '../../base/queue.ts';
import { Signal } from '../../base/wait.ts';
import { type DurableReceiver, MessageCodec, type PeerHandle } from '../../bus/plugin.ts';
import type { Log } from './log/log.ts';
import { bodyLength, recordHeaderBytes, sequenceOf } from './log/record.ts';
import { messagesIn, RecordKind } from './message-record.ts';
import { type Handled, handledRecord, readReceived, receivedHeadBytes } from './received-record.ts';

const readBytes = 131_072;
/** Messages that listeners have and that are not settled. */
const mostOpen = 1_000;

export interface DeliveriesOptions {
  readonly log: Log;
  readonly receiver: DurableReceiver;
  /** Of an earlier process. */
  readonly handled: Handled;
  /** Where the first record is that may not be handled. */
  readonly from: number;
  peerOf(folder: string): PeerHandle | undefined;
  report(error: unknown, peer?: PeerHandle): void;
}

/** The messages of one record, until all of them are handled. */
interface Portion {
  readonly sequence: number;
  left: number;
}

/** Gives what is written to listeners, in order, and notes what they have handled. */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #codec = new MessageCodec();
  readonly #news = new Signal();
  readonly #progress = new Signal();
  readonly #open = new Set<number>();
  /** Of an earlier process: handed to a listener, and not handled. */
  readonly #again: Set<number>;
  /** Those before it may have been heard in an earlier process. */
  readonly #heardBefore: number;
  readonly #portions = new Queue<Portion>();
  #next: number;
  #begun: number;
  #read: number;
  #isNoting = false;
  #toNote = false;
  #isOver = false;
  #isPaused = false;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
    const { next, begun, open } = options.handled;
    this.#next = next;
    this.#begun = this.#heardBefore = begun;
    this.#again = new Set(open);
    this.#read = options.from - 1;
  }

  /** What is to be known of them in the next process. */
  get handled(): Handled {
    return { next: this.#next, begun: Math.max(this.#begun, this.#next), open: [...this.#again, ...this.#open] };
  }

  /** Resolves when listeners have had all messages up to this one, or it is over. */
  async whenGiven(number: number): Promise<void> {
    while (this.#next <= number && !this.#isOver) await this.#progress.next();
  }

  /** What comes now is heard at once. */
  get isHearing(): boolean {
    return !this.#isPaused && this.#options.receiver.isHeard();
  }

  wake(): void {
    if (this.#news.isAwaited) this.#news.wake();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.wake();
  }

  end(): void {
    this.#isOver = true;
    this.wake();
    this.#progress.wake();
  }

  /** Notes what is left to note; after `end`. */
  finish(): void {
    const { log } = this.#options;
    if (this.#toNote && log.failure === undefined) log.append(handledRecord(this.handled));
  }

  /** Resolves after `end`; rejects what reading fails with. */
  async run(): Promise<void> {
    const { log, from } = this.#options;
    const reader = log.reader(from);
    try {
      while (!this.#isOver) {
        const next = this.#news.next();
        const stretch = await reader.next(readBytes);
        if (stretch === undefined) await next;
        else await this.#giveAll(stretch.bytes);
      }
    } finally {
      await reader.close();
    }
  }

  async #giveAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#isOver; ) {
      const start = at + recordHeaderBytes;
      const end = start + bodyLength(bytes, at);
      this.#read = sequenceOf(bytes, at);
      if (bytes[start] === RecordKind.received) await this.#giveRecord(bytes, start, end);
      at = end;
    }
  }

  async #giveRecord(bytes: Uint8Array, start: number, end: number): Promise<void> {
    const { folder, journal, after, first, count, isHeard } = readReceived(bytes, start);
    const last = first + count;
    if (last <= this.#next && this.#again.size === 0) return;
    const portion: Portion = { sequence: this.#read, left: 1 };
    this.#portions.push(portion);
    if (!isHeard && last > this.#begun) await this.#begin(last);
    let number = first;
    const records = bytes.subarray(start + receivedHeadBytes, end);
    for (const { sequence, start: from, end: to } of messagesIn(records)) {
      if (sequence <= after) continue;
      const mine = number++;
      if (mine < this.#next && !this.#again.has(mine)) continue;
      while (!this.#isOver && (this.#open.size >= mostOpen || !this.isHearing)) await this.#news.next();
      if (this.#isOver) return;
      this.#again.delete(mine);
      if (mine >= this.#next) this.#next = mine + 1;
      const context = { journal, sequence, redelivered: mine < this.#heardBefore };
      this.#give(records.subarray(from, to), folder, context, mine, portion);
    }
    this.#settled(portion);
    if (this.#progress.isAwaited) this.#progress.wake();
  }

  /** What waits is about to be heard: noted before, since it may be heard again if this process dies. */
  async #begin(last: number): Promise<void> {
    while (!this.#isOver && !this.isHearing) await this.#news.next();
    if (this.#isOver) return;
    this.#begun = last;
    const { log } = this.#options;
    if (log.failure === undefined && log.append(handledRecord(this.handled)) !== undefined) {
      await log.pending.catch(() => {});
    }
  }

  #give(
    body: Uint8Array,
    folder: string,
    context: { readonly journal: string; readonly sequence: number; readonly redelivered: boolean },
    number: number,
    portion: Portion,
  ): void {
    const { receiver, report } = this.#options;
    const peer = this.#options.peerOf(folder);
    portion.left += 1;
    this.#open.add(number);
    const handling = new Handling(() => {
      this.#open.delete(number);
      this.#settled(portion);
    });
    try {
      receiver.hear(handling, this.#codec.decode(body), peer, context);
    } catch (error) {
      report(error, peer);
    }
    handling.done();
  }

  #settled(portion: Portion): void {
    if (this.#isOver) return;
    portion.left -= 1;
    if (portion.left === 0) {
      for (let { first } = this.#portions; first?.left === 0; { first } = this.#portions) this.#portions.shift();
      this.#options.log.keepFrom(this.#portions.first?.sequence ?? this.#read + 1);
    }
    this.#toNote = true;
    if (!this.#isNoting) void this.#note();
    if (this.#open.size < mostOpen / 2) this.wake();
  }

  /** One note for each write, of all that was handled until then. */
  async #note(): Promise<void> {
    const { log } = this.#options;
    this.#isNoting = true;
    // A turn's worth of them, whatever the log is doing.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#toNote && log.failure === undefined) {
      this.#toNote = false;
      if (log.append(handledRecord(this.handled)) === undefined) {
        this.#toNote = true;
        break;
      }
      await log.pending.catch(() => {});
    }
    this.#isNoting = false;
  }
}
