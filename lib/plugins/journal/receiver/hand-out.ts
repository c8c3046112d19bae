import { Signal } from '../../../base/wait.ts';
import type { PeerHandle } from '../../../bus/plugin.ts';
import type { Received } from '../format/received-record.ts';
import type { ProgressNotes } from '../inbox/progress-notes.ts';
import type { Progress } from '../inbox/progress.ts';
import type { Bodies } from './bodies.ts';
import type { Consumption } from './consumer.ts';
import type { Consumers } from './consumers.ts';
import { type Delivery, nothing, type Sink } from './delivery.ts';
import { LeftBehind, mostBehind } from './left-behind.ts';

/** A message that is to be given to somebody. */
export interface Asked {
  readonly received: Received;
  readonly number: number;
  readonly isRequest: boolean;
}

export interface HandOutOptions {
  readonly progress: Progress;
  readonly notes: ProgressNotes;
  readonly listeners: Sink;
  readonly requests: Sink;
  readonly consumers: Consumers;
  readonly bodies: Bodies;
  /** Whether listeners hear what comes of this sender. */
  isHeard(folder: string): boolean;
  /** Nothing is to be given for now. */
  isHeld(): boolean;
}

/** Finds who is to handle each message: those of one sender in order, and what one does not take holds up no other's. */
export class HandOut {
  readonly #options: HandOutOptions;
  readonly #left: LeftBehind;
  /** Requests begin in order, and not in order with messages. */
  readonly #leftRequests: LeftBehind;
  /** Wakes when somebody may take something. */
  readonly news = new Signal();
  /** Wakes when something was given. */
  readonly given = new Signal();
  #isOver = false;
  /** Something of some sender could be heard: what nobody hears now is of one that no loop is for. */
  #wasHeard = false;

  constructor(options: HandOutOptions) {
    this.#options = options;
    this.#left = new LeftBehind(options.bodies);
    this.#leftRequests = new LeftBehind(options.bodies);
  }

  wake(): void {
    if (this.news.isAwaited) this.news.wake();
  }

  end(): void {
    this.#isOver = true;
    this.wake();
    this.given.wake();
  }

  /** All messages, or those of that peer, go to this consumer from now on. */
  consume(consumption: Consumption, peer: PeerHandle | undefined): void {
    this.#options.consumers.add(consumption, peer);
    this.wake();
  }

  /** Resolves once that consumer is done with what it has begun; what it has not is given to others. */
  async stopConsuming(peer: PeerHandle | undefined): Promise<void> {
    this.putBack(await this.#options.consumers.stop(peer));
  }

  /** Nobody has looked at those of one sender, which are to be given again before all others. */
  putBack(deliveries: readonly Delivery[]): void {
    this.#left.putBack(deliveries);
    this.wake();
  }

  /** Whether messages of this sender were passed over. */
  hasLeft(folder: string): boolean {
    return this.#left.has(folder);
  }

  /** Too many of this sender were passed over to have more come for now. */
  isBehind(folder: string): boolean {
    if (Math.max(this.#left.lengthOf(folder), this.#leftRequests.lengthOf(folder)) >= mostBehind) return true;
    const consumer = this.#options.consumers.of(folder);
    return typeof consumer === 'object' && consumer.isBehind(folder);
  }

  /** Listeners hear at once what comes now of this sender. */
  isHearing(folder: string): boolean {
    return !this.#options.isHeld() && this.#sinkOf(folder) === this.#options.listeners;
  }

  /** Who can have this one at once. */
  freeSinkOf({ received, number, isRequest }: Asked): Sink | undefined {
    const { requests, listeners, progress } = this.#options;
    const { folder } = received;
    if (this.#leftOf(isRequest).has(folder)) return undefined;
    const sink = isRequest ? requests : this.#sinkOf(folder);
    if (sink === undefined || !this.#hasRoom(sink, folder)) return undefined;
    return sink !== listeners || received.isHeard || number < progress.begun ? sink : undefined;
  }

  /**
   * Resolves who can have this one, once somebody can; undefined where others are not to wait for that. Gives before what was
   * left behind. Rejects with what reading fails with.
   */
  async sinkFor({ received, number, isRequest }: Asked): Promise<Sink | undefined> {
    const { requests, listeners, progress, consumers, isHeld } = this.#options;
    const { folder } = received;
    while (!this.#isOver) {
      await this.giveLeft();
      const left = this.#leftOf(isRequest);
      const sinkNow = isRequest ? requests : this.#sinkOf(folder);
      const sink = left.has(folder) ? undefined : sinkNow;
      if (sink === undefined || !this.#hasRoom(sink, folder)) {
        // A consumer of all has no room for anyone.
        const isApart = sinkNow === undefined ? this.#wasHeard : sinkNow === requests || sinkNow === listeners;
        if (!isHeld() && (isApart || consumers.areApart) && left.hasRoom(folder)) return undefined;
        await this.news.next();
      } else if (sink !== listeners || received.isHeard || number < progress.begun) {
        return sink;
      } else {
        await this.#begin(received.first + received.count);
      }
    }
    return undefined;
  }

  /** To nobody: it is given when somebody takes those of its sender. */
  give(delivery: Delivery, sink: Sink | undefined): void {
    const { progress, listeners } = this.#options;
    const { number, attempts } = delivery;
    progress.opened(number, attempts);
    if (sink === listeners) progress.begun = Math.max(progress.begun, number + 1);
    if (sink === undefined) this.#leftOf(delivery.isRequest).push(delivery);
    else sink.take(delivery);
  }

  /** Gives what was left behind to the present receiver. Rejects with what reading fails with. */
  async giveLeft(): Promise<void> {
    // What is changed while something is awaited is seen in another round.
    for (let isToLook = true; isToLook; ) {
      isToLook = false;
      for (const left of [this.#left, this.#leftRequests]) {
        for (const folder of [...left.folders]) if (await this.#giveLeftOf(left, folder)) isToLook = !this.#isOver;
      }
    }
  }

  /** Whether something happened. */
  async #giveLeftOf(left: LeftBehind, folder: string): Promise<boolean> {
    const { listeners, progress, requests } = this.#options;
    for (let hasBegun = false; ; hasBegun = true) {
      const first = left.first(folder);
      const sink = first?.isRequest === true ? requests : this.#sinkOf(folder);
      if (first === undefined || sink === undefined || this.#isOver || !this.#hasRoom(sink, folder)) return hasBegun;
      if (first.body === nothing) await left.load(folder);
      else if (sink === listeners && first.number >= progress.begun) await this.#begin(first.number + 1);
      else this.give(left.shift(folder) as Delivery, sink);
      if (this.given.isAwaited) this.given.wake();
    }
  }

  #leftOf(isRequest: boolean): LeftBehind {
    return isRequest ? this.#leftRequests : this.#left;
  }

  #hasRoom(sink: Sink, folder: string): boolean {
    return !this.#options.isHeld() && sink.hasRoom(folder);
  }

  /** Who takes the messages of this sender; undefined where nobody does for now. */
  #sinkOf(folder: string): Sink | undefined {
    const { consumers, listeners, isHeard } = this.#options;
    const consumer = consumers.of(folder);
    if (consumer !== undefined) return consumer === 'stopping' ? undefined : consumer;
    if (!isHeard(folder)) return undefined;
    this.#wasHeard = true;
    return listeners;
  }

  /** What waits is about to be heard: noted before, since it may be heard again if this process dies. */
  async #begin(end: number): Promise<void> {
    const { progress, notes } = this.#options;
    if (end <= progress.begun) return;
    progress.begun = end;
    await notes.whole();
  }
}
