import type { Clock } from '../../base/clock.ts';
import { asBusError } from '../../base/errors.ts';
import { Queue } from '../../base/queue.ts';
import { Signal } from '../../base/wait.ts';
import type { DurableReceiver, PeerHandle } from '../../bus/plugin.ts';
import { Consumer, type ConsumerHost, type Consumption } from './consumer.ts';
import type { Delivery, Portion, Sink } from './delivery.ts';
import type { InboxLog } from './inbox-log.ts';
import { Listeners } from './listeners.ts';
import { bodyLength, recordHeaderBytes, sequenceOf } from './log/record.ts';
import type { AnswerMessage } from './lane-messages.ts';
import { messagesIn, RecordKind } from './message-record.ts';
import { ProgressNotes } from './progress-notes.ts';
import { readReceived, type Received, receivedHeadBytes } from './received-record.ts';
import { isRequestBody } from './request-body.ts';
import { Requests, type RequestsHost } from './requests.ts';

const readBytes = 131_072;
/** Dead letters on their way to the log, which takes any number. */
const mostDying = 100;

export interface DeliveriesOptions {
  readonly inbox: InboxLog;
  readonly receiver: DurableReceiver;
  readonly clock: Clock;
  readonly answerTtlMs: number;
  /** Sends on the lane; resolves when there is room for more. */
  tell(peer: PeerHandle, message: AnswerMessage): Promise<void>;
  report(error: unknown, peer?: PeerHandle): void;
}

/** Gives what is written to whoever handles it, in order, and notes what was handled. */
export class Deliveries implements ConsumerHost, RequestsHost {
  readonly clock: Clock;
  readonly requests: Requests;
  readonly #inbox: InboxLog;
  readonly #receiver: DurableReceiver;
  readonly #tell: DeliveriesOptions['tell'];
  readonly #report: DeliveriesOptions['report'];
  readonly #notes: ProgressNotes;
  readonly #listeners: Listeners;
  #consumer: Consumer | undefined;
  readonly #news = new Signal();
  readonly #given = new Signal();
  /** What a consumer left. */
  readonly #returned = new Queue<Delivery>();
  /** Those before it may have been heard in an earlier process. */
  readonly #heardBefore: number;
  #dying = 0;
  #isOver = false;
  /** What is here cannot be read. */
  #hasFailed = false;
  #isPaused = false;

  constructor({ inbox, receiver, clock, answerTtlMs, tell, report }: DeliveriesOptions) {
    this.clock = clock;
    this.#inbox = inbox;
    this.#receiver = receiver;
    this.#tell = tell;
    this.#report = report;
    this.#notes = new ProgressNotes(inbox.log, inbox.progress, clock);
    this.#listeners = new Listeners(receiver, (folder) => this.peerOf(folder), this);
    this.requests = new Requests(inbox, receiver, answerTtlMs, this);
    this.#heardBefore = inbox.progress.begun;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Listeners hear at once what comes now of this sender. */
  isHearing(folder: string): boolean {
    return !this.#isPaused && this.#consumer === undefined && this.#receiver.isHeard(this.peerOf(folder));
  }

  peerOf(folder: string): PeerHandle | undefined {
    return this.#inbox.senders.peerOf(folder);
  }

  report(error: unknown, peer: PeerHandle | undefined): void {
    this.#report(error, peer);
  }

  tell(peer: PeerHandle, message: AnswerMessage): Promise<void> {
    return this.#tell(peer, message);
  }

  /** All messages go to this consumer from now on. */
  consume(consumption: Consumption): void {
    this.#consumer = new Consumer(consumption, this);
    this.wake();
  }

  /** Resolves once the consumer is done with what it has begun; what it has not is given to others. */
  async stopConsuming(): Promise<void> {
    for (const delivery of (await this.#consumer?.stop()) ?? []) this.#returned.push(delivery);
    this.#consumer = undefined;
    this.wake();
  }

  /** Resolves when all messages up to this one were handed out, or no more are. */
  async whenGiven(number: number): Promise<void> {
    while (this.#inbox.progress.next <= number && !this.#isOver && !this.#hasFailed) await this.#given.next();
  }

  wake(): void {
    if (this.#news.isAwaited) this.#news.wake();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#consumer?.run();
    this.wake();
  }

  /** Gives nothing more, and notes what is left to note. */
  end(): void {
    this.#isOver = true;
    this.requests.end();
    this.#notes.finish();
    this.wake();
    this.#given.wake();
  }

  /** Resolves after `end`; rejects what reading fails with. */
  async run(): Promise<void> {
    const { log, from } = this.#inbox;
    const reader = log.reader(from);
    try {
      while (!this.#isOver) {
        const next = this.#news.next();
        const stretch = await reader.next(readBytes);
        if (stretch !== undefined) await this.#giveAll(stretch.bytes);
        else if (this.#returned.length > 0) await this.#mayGive(undefined);
        else await next;
      }
    } catch (error) {
      this.#hasFailed = true;
      this.#given.wake();
      throw error;
    } finally {
      await reader.close();
    }
  }

  begun({ number, attempts }: Delivery): Promise<void> {
    this.#inbox.progress.opened(number, attempts);
    return this.#notes.begun(number, attempts);
  }

  done({ number, attempts, portion }: Delivery): void {
    if (this.#isOver) return;
    this.#inbox.progress.done(number);
    if (attempts === 0) this.#notes.changed();
    else this.#notes.done(number);
    this.#settled(portion);
  }

  returned(delivery: Delivery): void {
    this.#returned.push(delivery);
    this.wake();
  }

  /** Only what is written as a dead letter is handled. */
  async died(delivery: Delivery, thrown: unknown): Promise<void> {
    const { folder, journal, sequence, attempts, body, number } = delivery;
    const error = asBusError(thrown, 'ERR_LISTENER');
    this.#dying += 1;
    try {
      const { code, message } = error;
      const mark = { folder, journal, sequence, attempts, code, message: message.slice(0, 1_000) };
      const letter = await this.#inbox.deadLetters.add(mark, body);
      if (this.#isOver) return;
      this.#inbox.progress.done(number);
      this.#notes.done(number);
      this.#settled(delivery.portion);
      this.#receiver.died(letter);
    } catch (failure) {
      this.#report(failure);
    }
    this.#dying -= 1;
    this.wake();
  }

  roomMade(): void {
    this.wake();
  }

  /** Whether one more can be given. */
  #hasRoom(folder: string, isRequest: boolean): boolean {
    return !this.#isPaused && this.#dying < mostDying && this.#sinkOf(isRequest).hasRoom(folder);
  }

  #sinkOf(isRequest: boolean): Sink {
    return isRequest ? this.requests : (this.#consumer ?? this.#listeners);
  }

  async #giveAll(bytes: Uint8Array): Promise<void> {
    let sequence = 0;
    for (let at = 0; at < bytes.length && !this.#isOver; ) {
      const start = at + recordHeaderBytes;
      const end = start + bodyLength(bytes, at);
      sequence = sequenceOf(bytes, at);
      if (bytes[start] === RecordKind.received) await this.#giveRecord(sequence, bytes, start, end);
      at = end;
    }
    if (!this.#isOver) this.#inbox.see(sequence);
  }

  async #giveRecord(record: number, bytes: Uint8Array, start: number, end: number): Promise<void> {
    const received = readReceived(bytes, start);
    const { folder, journal, after, first, count } = received;
    const { progress, needs, shares } = this.#inbox;
    if (progress.hasAll(first, first + count)) return;
    const letGo = needs.hold(record);
    const free = (): void => {
      shares.give(folder, end - start);
      letGo();
    };
    const portion: Portion = { left: 1, free };
    let number = first;
    const records = bytes.subarray(start + receivedHeadBytes, end);
    for (const { sequence, start: from, end: to } of messagesIn(records)) {
      if (sequence <= after) continue;
      const mine = number++;
      const before = progress.open.get(mine);
      if (mine < progress.next && before === undefined) continue;
      const body = records.subarray(from, to);
      const isRequest = isRequestBody(body);
      if (!this.#isFree(received, mine, isRequest)) await this.#mayGive(received, mine, isRequest);
      if (this.#isOver) return;
      portion.left += 1;
      this.#give({
        number: mine,
        folder,
        journal,
        sequence,
        body,
        isRequest,
        isRedelivered: received.isAgain || received.isOld || (!isRequest && mine < this.#heardBefore),
        attempts: before ?? 0,
        portion,
      });
    }
    this.#settled(portion);
    if (this.#given.isAwaited) this.#given.wake();
  }

  #give(delivery: Delivery): void {
    const { progress } = this.#inbox;
    const { number, attempts, isRequest } = delivery;
    progress.opened(number, attempts);
    if (this.#consumer === undefined) progress.begun = Math.max(progress.begun, number + 1);
    this.#sinkOf(isRequest).take(delivery);
  }

  /** Whether this message of the record can be given at once. */
  #isFree({ folder, isHeard }: Received, number: number, isRequest: boolean): boolean {
    if (this.#returned.length > 0 || !this.#hasRoom(folder, isRequest)) return false;
    return isHeard || isRequest || this.#consumer !== undefined || number < this.#inbox.progress.begun;
  }

  /** Resolves when it can, or it is over; gives what was returned before. */
  async #mayGive(received: Received | undefined, number = 0, isRequest = false): Promise<void> {
    while (!this.#isOver) {
      const back = this.#returned.first;
      if (back !== undefined) {
        if (!this.#hasRoom(back.folder, false)) await this.#news.next();
        else if (this.#consumer === undefined && back.number >= this.#inbox.progress.begun)
          await this.#begin(back.number + 1);
        else this.#give(this.#returned.shift() as Delivery);
      } else if (received === undefined) {
        return;
      } else if (!this.#hasRoom(received.folder, isRequest)) {
        await this.#news.next();
      } else if (this.#isFree(received, number, isRequest)) {
        return;
      } else {
        await this.#begin(received.first + received.count);
      }
    }
  }

  /** What waits is about to be heard: noted before, since it may be heard again if this process dies. */
  async #begin(end: number): Promise<void> {
    const { progress } = this.#inbox;
    if (end <= progress.begun) return;
    progress.begun = end;
    await this.#notes.whole();
  }

  #settled(portion: Portion): void {
    portion.left -= 1;
    if (portion.left === 0 && !this.#isOver) portion.free();
  }
}
