import type { Clock } from '../../../base/clock.ts';
import type { BusError } from '../../../base/errors.ts';
import type { DurableReceiver, PeerHandle } from '../../../bus/plugin.ts';
import { reasonOf } from '../format/dead-letter-record.ts';
import type { AnswerMessage } from '../format/lane-messages.ts';
import { messageHeadBytes, RecordKind } from '../format/message-record.ts';
import { readReceived, receivedHeadBytes } from '../format/received-record.ts';
import { isRequestBody } from '../format/request-body.ts';
import type { InboxLog } from '../inbox/inbox-log.ts';
import { ProgressNotes } from '../inbox/progress-notes.ts';
import { roomOf } from '../inbox/shares.ts';
import type { Stretch } from '../log/log-reader.ts';
import { bodyLength, recordHeaderBytes, sequenceOf } from '../log/record.ts';
import { Bodies } from './bodies.ts';
import type { ConsumerHost, Consumption } from './consumer.ts';
import { Consumers } from './consumers.ts';
import type { Delivery, Portion } from './delivery.ts';
import { Gate } from './gate.ts';
import { HandOut } from './hand-out.ts';
import { Held } from './held.ts';
import { Listeners } from './listeners.ts';
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

/** Delivers what is written to its handlers, in order, and records what was handled. */
export class Deliveries implements ConsumerHost, RequestsHost {
  readonly clock: Clock;
  readonly requests: Requests;
  readonly #inbox: InboxLog;
  readonly #receiver: DurableReceiver;
  readonly #tell: DeliveriesOptions['tell'];
  readonly #report: DeliveriesOptions['report'];
  readonly #notes: ProgressNotes;
  readonly #consumers: Consumers;
  readonly #bodies: Bodies;
  readonly #handOut: HandOut;
  readonly held = new Held();
  readonly gate: Gate;
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
    this.gate = new Gate(clock, () => this.#run());
    this.#notes = new ProgressNotes(inbox.log, inbox.progress, clock);
    this.requests = new Requests(inbox, receiver, answerTtlMs, this);
    this.#consumers = new Consumers(this);
    this.#bodies = new Bodies(inbox.log);
    this.#handOut = new HandOut({
      progress: inbox.progress,
      notes: this.#notes,
      listeners: new Listeners(receiver, (folder) => this.peerOf(folder), this),
      requests: this.requests,
      consumers: this.#consumers,
      bodies: this.#bodies,
      isHeard: (folder) => receiver.isHeard(this.peerOf(folder)),
      isHeld: () => this.#isPaused || this.#dying >= mostDying,
    });
    this.#heardBefore = inbox.progress.begun;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Listeners hear at once what comes now of this sender. */
  isHearing(folder: string): boolean {
    return this.#handOut.isHearing(folder);
  }

  /** Too much of this sender waits for its handlers to have more come for now. */
  isBehind(folder: string): boolean {
    return this.#handOut.isBehind(folder);
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

  /** As `HandOut.consume`. */
  consume(consumption: Consumption, peer: PeerHandle | undefined): void {
    this.#handOut.consume(consumption, peer);
  }

  /** As `HandOut.stopConsuming`. */
  stopConsuming(peer: PeerHandle | undefined): Promise<void> {
    return this.#handOut.stopConsuming(peer);
  }

  /** Resolves when what consumers and handlers have begun with has settled. */
  async settled(): Promise<void> {
    await Promise.all([this.#consumers.stopAll(), this.requests.settled()]);
  }

  /** Resolves when all messages of that sender up to this one were handed out, or no more are. */
  async whenGiven(number: number, folder: string): Promise<void> {
    const isLeft = (): boolean => this.#inbox.progress.next <= number || this.#handOut.hasLeft(folder);
    while (isLeft() && !this.#isOver && !this.#hasFailed) await this.#handOut.given.next();
  }

  wake(): void {
    this.#handOut.wake();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#run();
    this.wake();
  }

  /** Gives nothing more, and notes what is left to note. */
  end(): void {
    this.#isOver = true;
    this.gate.close();
    this.requests.end();
    this.#notes.finish();
    this.#handOut.end();
  }

  /** Resolves after `end`; rejects with what reading fails with. */
  async run(): Promise<void> {
    const { log, from } = this.#inbox;
    const reader = log.reader(from);
    try {
      while (!this.#isOver) {
        const next = this.#handOut.news.next();
        await this.#handOut.giveLeft();
        const stretch = await reader.next(readBytes);
        if (stretch !== undefined) await this.#giveAll(stretch);
        else await next;
      }
    } catch (error) {
      this.#hasFailed = true;
      this.#handOut.given.wake();
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
    this.#handOut.putBack([delivery]);
  }

  load(deliveries: readonly Delivery[]): Promise<void> {
    return this.#bodies.load(deliveries);
  }

  unreadable(error: unknown): BusError {
    const failure = this.#inbox.unreadable(error);
    this.#report(failure);
    return failure;
  }

  /** Only what is written as a dead letter is handled. */
  async died(delivery: Delivery, thrown: unknown): Promise<void> {
    const { folder, journal, sequence, attempts, body, number } = delivery;
    this.#dying += 1;
    try {
      const mark = { folder, journal, sequence, attempts, ...reasonOf(thrown) };
      const letter = await this.#inbox.deadLetters.add(mark, body);
      if (this.#isOver) return;
      this.#inbox.progress.done(number);
      this.#notes.done(number);
      this.#settled(delivery.portion);
      this.#receiver.died(letter, this.peerOf(folder));
    } catch (failure) {
      this.#report(failure);
    }
    this.#dying -= 1;
    this.wake();
  }

  roomMade(): void {
    this.wake();
  }

  #run(): void {
    this.#consumers.run();
    this.requests.run();
  }

  async #giveAll({ bytes, position }: Stretch): Promise<void> {
    let sequence = 0;
    for (let at = 0; at < bytes.length && !this.#isOver; ) {
      const start = at + recordHeaderBytes;
      const end = start + bodyLength(bytes, at);
      sequence = sequenceOf(bytes, at);
      const place = { record: sequence, position: position === undefined ? undefined : position + at };
      if (bytes[start] === RecordKind.received) await this.#giveRecord(place, bytes, start, end);
      at = end;
    }
    if (!this.#isOver) this.#inbox.see(sequence);
  }

  async #giveRecord(
    place: Pick<Delivery, 'record' | 'position'>,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): Promise<void> {
    const received = readReceived(bytes, start);
    const { folder, journal, after, first, count } = received;
    const { progress, needs, shares } = this.#inbox;
    if (progress.hasAll(first, first + count)) return;
    const letGo = needs.hold(place.record);
    const free = (): void => {
      shares.give(folder, roomOf(end - start, count));
      letGo();
    };
    const portion: Portion = { left: 1, free };
    let number = first;
    const records = bytes.subarray(start + receivedHeadBytes, end);
    for (let at = 0; at < records.length; ) {
      const from = at + recordHeaderBytes;
      const sequence = sequenceOf(records, at);
      at = from + bodyLength(records, at);
      if (records[from] !== RecordKind.message || sequence <= after) continue;
      const mine = number++;
      const before = mine < progress.next ? progress.open.get(mine) : undefined;
      if (mine < progress.next && before === undefined) continue;
      const body = records.subarray(from + messageHeadBytes, at);
      const isRequest = isRequestBody(body);
      const asked = { received, number: mine, isRequest };
      const sink = this.#handOut.freeSinkOf(asked) ?? (await this.#handOut.sinkFor(asked));
      if (this.#isOver) return;
      portion.left += 1;
      const delivery = {
        number: mine,
        folder,
        journal,
        sequence,
        record: place.record,
        position: place.position,
        bytes: body.length,
        body,
        isRequest,
        isRedelivered: received.isAgain || received.isOld || (!isRequest && mine < this.#heardBefore),
        attempts: before ?? 0,
        portion,
      };
      this.#handOut.give(delivery, sink);
    }
    this.#settled(portion);
    if (this.#handOut.given.isAwaited) this.#handOut.given.wake();
  }

  #settled(portion: Portion): void {
    portion.left -= 1;
    if (portion.left === 0 && !this.#isOver) portion.free();
  }
}
