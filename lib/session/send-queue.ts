import { asBusError, BusError } from '../base/errors.ts';

/** Something to be sent once there is room for it. */
export interface Waiting {
  readonly kind: 'message' | 'request';
  /** Sends it in the session there is by then; may throw what the encoder throws. */
  send(): void;
  fail(error: BusError): void;
  /** Kept by the queue it waits in: that queue and its neighbours there. */
  queue?: SendQueue | undefined;
  before?: Waiting | undefined;
  after?: Waiting | undefined;
}

/** What happens to the waiting messages of a peer that takes nothing. */
export type SlowConsumerPolicy = 'wait' | 'drop-oldest' | 'drop-newest' | 'disconnect';

/** The most that may wait; more are refused, since the data of what waits is held in memory. */
const mostWaiting = 16_384;

/**
 * Sends that found no room, first in, first out, from one session to the next. A list of neighbours, since many requests
 * that wait may time out at once, wherever they stand.
 */
export class SendQueue {
  length = 0;
  readonly #policy: SlowConsumerPolicy;
  #first: Waiting | undefined;
  #last: Waiting | undefined;
  /** One error for all that are refused in a row: with a stack each, who sends on would fill the memory that is saved. */
  #full: BusError | undefined;

  constructor(policy: SlowConsumerPolicy) {
    this.#policy = policy;
  }

  /** Queues what holds no data, however many wait. */
  follow(waiting: Waiting): void {
    waiting.queue = this;
    waiting.before = this.#last;
    if (this.#last === undefined) this.#first = waiting;
    else this.#last.after = waiting;
    this.#last = waiting;
    this.length += 1;
  }

  /** Queues `waiting`, or fails it (or an older message, as the policy says) when too many wait. */
  push(waiting: Waiting): void {
    if (this.length >= mostWaiting && !this.#makeRoom()) {
      this.#full ??= new BusError('ERR_QUEUE_FULL', `${mostWaiting} sends wait for room already`);
      waiting.fail(this.#full);
      return;
    }
    this.#full = undefined;
    this.follow(waiting);
  }

  /** Sends what waits while `mayGo` says so. */
  drain(mayGo: () => boolean): void {
    while (this.#first !== undefined && mayGo()) {
      const waiting = this.#first;
      this.remove(waiting);
      sendOrFail(waiting);
    }
  }

  /** Takes one out, if it waits here. */
  remove(waiting: Waiting): void {
    if (waiting.queue !== this) return;
    const { before, after } = waiting;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    // One that the garbage collector holds to be old would keep all that came after it.
    waiting.queue = waiting.before = waiting.after = undefined;
    this.length -= 1;
  }

  /** Fails everything that waits and that `which` picks. */
  fail(error: BusError, which: (waiting: Waiting) => boolean = () => true): void {
    const picked: Waiting[] = [];
    for (let waiting = this.#first; waiting !== undefined; waiting = waiting.after) {
      if (which(waiting)) picked.push(waiting);
    }
    for (const waiting of picked) this.remove(waiting);
    for (const waiting of picked) waiting.fail(error);
  }

  #makeRoom(): boolean {
    if (this.#policy !== 'drop-oldest') return false;
    let oldest = this.#first;
    while (oldest !== undefined && oldest.kind !== 'message') oldest = oldest.after;
    if (oldest === undefined) return false;
    this.remove(oldest);
    oldest.fail(new BusError('ERR_SLOW_CONSUMER', 'Dropped to make room for a newer message'));
    return true;
  }
}

/** Sends, or fails with what that throws. */
export function sendOrFail(waiting: Waiting): void {
  try {
    waiting.send();
  } catch (error) {
    waiting.fail(asBusError(error, 'ERR_UNENCODABLE'));
  }
}
