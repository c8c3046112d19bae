import { copyOf } from '../../../base/bytes.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import { asBusError, BusError } from '../../../base/errors.ts';
import type { HandlingFailure } from '../../../base/handling.ts';
import { Queue } from '../../../base/queue.ts';
import { Signal } from '../../../base/wait.ts';
import { type Consume, MessageCodec, type PeerHandle } from '../../../bus/plugin.ts';
import { type ConsumerOptions, lineOf } from './consumer-options.ts';
import { type Delivery, nothing, type Sink, type SinkOwner } from './delivery.ts';
import type { Gate } from './gate.ts';
import type { Held } from './held.ts';
import { firstOf, mostBehind } from './left-behind.ts';
import { SenderCounts } from './sender-counts.ts';

const longestWaitMs = 30_000;
/** What is read ahead without its data, where all that is held waits for others of its key. */
const mostParked = 50_000;

/** For so long the first of a key is with the handler, or waits, before those behind it are released. */
const stuckMs = 500;

/** Who is to handle what comes, and how. */
export interface Consumption {
  readonly handle: Consume;
  readonly options: ConsumerOptions;
}

export interface ConsumerHost extends SinkOwner {
  readonly clock: Clock;
  /** Nothing is to be begun with. */
  readonly isPaused: boolean;
  readonly held: Held;
  readonly gate: Gate;
  /** Nothing can be read any more; as what that is told. */
  unreadable(error: unknown): BusError;
  /** Reads data again that was released. Rejects with what reading fails with. */
  load(deliveries: readonly Delivery[]): Promise<void>;
  peerOf(folder: string): PeerHandle | undefined;
  report(error: unknown, peer: PeerHandle | undefined): void;
}

/** Messages of one key: the first one is with the handler, or waits to be. */
interface Line {
  readonly key: unknown;
  readonly deliveries: Queue<Delivery>;
  /** Until the first one is tried again. */
  timer: Timer | undefined;
  /** When the first one became the first. */
  since: number;
}

/** Has one handler handle what arrives: up to its concurrency, those of one key in order. */
export class Consumer implements Sink {
  readonly #handle: Consume;
  readonly #options: ConsumerOptions;
  readonly #host: ConsumerHost;
  readonly #codec = new MessageCodec();
  readonly #idle = new Signal();
  readonly #lines = new Map<unknown, Line>();
  /** Lines whose first message may be handled now. */
  readonly #ready = new Queue<Line>();
  /** What was decoded for its key, and not handled yet. */
  readonly #decoded = new Map<Delivery, unknown>();
  #running = 0;
  /** Those that it has. */
  #count = 0;
  #looking: Timer | undefined;
  readonly #parked = new SenderCounts();
  #isOver = false;

  constructor({ handle, options }: Consumption, host: ConsumerHost) {
    this.#handle = handle;
    this.#options = options;
    this.#host = host;
  }

  /** It skips too many of this sender to have more come for now. */
  isBehind(folder: string): boolean {
    return this.#parked.of(folder) >= mostBehind;
  }

  hasRoom(): boolean {
    if (this.#isOver) return false;
    if (this.#host.held.hasRoom || this.#count === this.#parked.all) return true;
    return this.#isStarving && this.#parked.all < mostParked && this.#park();
  }

  /** Whose messages it has. */
  get folders(): Set<string> {
    return new Set(
      [...this.#lines.values()].flatMap(({ deliveries }) => Array.from(deliveries, (each) => each.folder)),
    );
  }

  take(delivery: Delivery): void {
    let key: unknown;
    let data: unknown;
    try {
      data = this.#codec.decode(delivery.body);
      key = lineOf(this.#options, data, delivery);
    } catch (error) {
      void this.#host.died(delivery, error);
      return;
    }
    delivery.body = copyOf(delivery.body);
    this.#host.gate.expect(delivery);
    this.#decoded.set(delivery, data);
    this.#count += 1;
    this.#host.held.change(1, delivery.bytes);
    const known = this.#lines.get(key);
    const line = known ?? { key, deliveries: new Queue<Delivery>(), timer: undefined, since: this.#host.clock.now() };
    line.deliveries.push(delivery);
    if (known !== undefined) {
      this.#lookLater();
      return;
    }
    this.#lines.set(key, line);
    this.#ready.push(line);
    this.run();
  }

  /** Begins with what may be begun with. */
  run(): void {
    while (this.#mayBegin) {
      const line = this.#ready.shift();
      const delivery = line?.deliveries.first;
      if (line === undefined || delivery === undefined) break;
      void this.#try(line, delivery);
    }
    this.#lookLater();
  }

  /** Where nothing can be handled for others that are stuck, more is read once they are known to be. */
  #lookLater(): void {
    if (!this.#isStarving || this.#host.held.hasRoom || this.#isOver) return;
    this.#looking ??= this.#host.clock.setTimer(
      () => {
        this.#looking = undefined;
        this.#host.roomMade();
        this.#lookLater();
      },
      stuckMs,
      true,
    );
  }

  /** Begins with no more. Resolves, when the handler has settled everywhere, those that are left, in order. */
  async stop(): Promise<Delivery[]> {
    this.#isOver = true;
    this.#ready.clear();
    this.#decoded.clear();
    this.#looking?.cancel();
    for (const { timer } of this.#lines.values()) timer?.cancel();
    await this.settled();
    const left = [...this.#lines.values()].flatMap(({ deliveries }) => [...deliveries]);
    for (const delivery of left) {
      this.#host.gate.forget(delivery);
      if (delivery.body !== nothing) this.#host.held.change(-1, -delivery.bytes);
    }
    this.#lines.clear();
    this.#count = 0;
    this.#parked.clear();
    return left.sort((a, b) => a.number - b.number);
  }

  /** Resolves, once it begins with no more, when the handler has settled everywhere. */
  async settled(): Promise<void> {
    while (this.#running > 0) await this.#idle.next();
  }

  /** It could handle more, if there were any of other keys. */
  get #isStarving(): boolean {
    const { key, concurrency } = this.#options;
    return this.#ready.length === 0 && this.#running < concurrency && (key !== undefined || concurrency > 1);
  }

  /** Releases the data of all that are stuck; false where there is none. */
  #park(): boolean {
    const parked = this.#parked.all;
    const before = this.#host.clock.now() - stuckMs;
    for (const { deliveries, timer, since } of this.#lines.values()) {
      if (since > before) continue;
      for (const delivery of deliveries) {
        if (delivery.body === nothing || (delivery === deliveries.first && timer === undefined)) continue;
        delivery.body = nothing;
        this.#decoded.delete(delivery);
        this.#parked.change(delivery.folder, 1);
        this.#host.held.change(-1, -delivery.bytes);
      }
    }
    return this.#parked.all > parked;
  }

  /** The first one of the line has its data again, and some behind it. */
  async #unpark({ deliveries }: Line): Promise<void> {
    const parked = firstOf(deliveries).filter(({ body }) => body === nothing);
    for (const { folder, bytes } of parked) {
      this.#parked.change(folder, -1);
      this.#host.held.change(1, bytes);
    }
    await this.#host.load(parked);
  }

  get #mayBegin(): boolean {
    if (this.#isOver || this.#host.isPaused || this.#ready.length === 0) return false;
    return this.#running < this.#options.concurrency && this.#host.gate.isOpen;
  }

  async #try(line: Line, delivery: Delivery): Promise<void> {
    const { maxAttempts, retryMs } = this.#options;
    this.#running += 1;
    this.#host.gate.begin();
    const unread = delivery.body === nothing ? await this.#unread(line) : undefined;
    const isLast = delivery.attempts >= maxAttempts;
    const failure = unread ?? (isLast ? endedEachTime() : await this.#attempt(delivery));
    const isOver = unread === undefined && (failure === undefined || delivery.attempts >= maxAttempts);
    if (failure === undefined) this.#host.done(delivery);
    else if (isOver) await this.#host.died(delivery, failure.error);
    this.#running -= 1;
    this.#host.gate.end(delivery);
    if (isOver) this.#leave(line, delivery);
    if (this.#isOver) {
      this.#idle.wake();
      return;
    }
    if (!isOver) {
      const waitMs = Math.min(longestWaitMs, retryMs * 2 ** (delivery.attempts - 1));
      line.timer = this.#host.clock.setTimer(() => this.#again(line), waitMs);
    } else if (line.deliveries.length > 0) {
      this.#ready.push(line);
    }
    this.run();
  }

  /** Why its data cannot be read again. */
  async #unread(line: Line): Promise<HandlingFailure | undefined> {
    try {
      await this.#unpark(line);
      return undefined;
    } catch (error) {
      this.#isOver = true;
      return { error: this.#host.unreadable(error) };
    }
  }

  /** Resolves with what it failed with; never rejects. */
  async #attempt(delivery: Delivery): Promise<HandlingFailure | undefined> {
    const { journal, sequence, folder, isRedelivered } = delivery;
    const redelivered = isRedelivered || delivery.attempts > 0;
    delivery.attempts += 1;
    try {
      await this.#host.begun(delivery);
    } catch (error) {
      // Nothing of it is to happen before it is known that it may have; the next process begins with it.
      this.#isOver = true;
      return { error };
    }
    const peer = this.#host.peerOf(folder);
    try {
      const data = this.#dataOf(delivery);
      await this.#handle(data, peer, { journal, sequence, redelivered, attempt: delivery.attempts });
      return undefined;
    } catch (error) {
      this.#host.report(asBusError(error, 'ERR_LISTENER'), peer);
      return { error };
    }
  }

  /** A handler may have changed what it was given before. */
  #dataOf(delivery: Delivery): unknown {
    const isDecoded = this.#decoded.has(delivery);
    const data = isDecoded ? this.#decoded.get(delivery) : this.#codec.decode(delivery.body);
    this.#decoded.delete(delivery);
    return data;
  }

  #again(line: Line): void {
    line.timer = undefined;
    this.#ready.push(line);
    this.run();
  }

  #leave(line: Line, delivery: Delivery): void {
    const { key, deliveries } = line;
    deliveries.shift();
    line.since = this.#host.clock.now();
    if (deliveries.length === 0) this.#lines.delete(key);
    this.#decoded.delete(delivery);
    this.#count -= 1;
    this.#host.held.change(-1, -delivery.bytes);
    if (this.#host.held.isLow) this.#host.roomMade();
  }
}

function endedEachTime(): HandlingFailure {
  return { error: new BusError('ERR_LISTENER', 'The process ended each time the consumer had begun with it') };
}
