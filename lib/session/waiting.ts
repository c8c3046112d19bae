import { asBusError, BusError } from '../base/errors.ts';

/** Something to be sent once there is room for it. */
export interface Waiting {
  readonly kind: 'message' | 'request' | 'answer';
  /** Hands it to the session; may throw what the encoder throws. */
  send(): void;
  fail(error: BusError): void;
}

/** What happens to the waiting messages of a peer that takes nothing. */
export type SlowConsumerPolicy = 'wait' | 'drop-oldest' | 'drop-newest' | 'disconnect';

/** The most that may wait; more are refused, since the data of what waits is held in memory. */
const mostWaiting = 16_384;

/** Sends that found no room, first in, first out. */
export class WaitingSends {
  readonly #policy: SlowConsumerPolicy;
  #queue: Waiting[] = [];
  #head = 0;
  /** One error for all that are refused in a row: with a stack each, who sends on would fill the memory that is saved. */
  #full: BusError | undefined;

  constructor(policy: SlowConsumerPolicy) {
    this.#policy = policy;
  }

  get length(): number {
    return this.#queue.length - this.#head;
  }

  /** Queues what holds no data, however many wait. */
  follow(waiting: Waiting): void {
    this.#queue.push(waiting);
  }

  /** Queues `waiting`, or fails it (or an older message, as the policy says) when too many wait. */
  push(waiting: Waiting): void {
    if (this.length >= mostWaiting && !this.#makeRoom()) {
      this.#full ??= new BusError('ERR_QUEUE_FULL', `${mostWaiting} sends wait for room already`);
      waiting.fail(this.#full);
      return;
    }
    this.#full = undefined;
    this.#queue.push(waiting);
  }

  /** Sends what waits while `mayGo` says so. */
  drain(mayGo: () => boolean): void {
    while (this.#head < this.#queue.length && mayGo()) {
      const waiting = this.#queue[this.#head] as Waiting;
      this.#head += 1;
      if (this.#head === this.#queue.length) this.#reset();
      else if (this.#head >= 1_024 && this.#head * 2 >= this.#queue.length) this.#compact();
      try {
        waiting.send();
      } catch (error) {
        waiting.fail(asBusError(error, 'ERR_UNENCODABLE'));
      }
    }
  }

  /** Takes one out, for a caller that lost interest. */
  remove(waiting: Waiting): void {
    const at = this.#queue.indexOf(waiting, this.#head);
    if (at >= 0) this.#queue.splice(at, 1);
  }

  /** Fails everything that waits and that `which` picks. */
  fail(error: BusError, which: (waiting: Waiting) => boolean = () => true): void {
    const all = this.#queue.slice(this.#head);
    this.#reset();
    for (const waiting of all) if (!which(waiting)) this.#queue.push(waiting);
    for (const waiting of all) if (which(waiting)) waiting.fail(error);
  }

  #makeRoom(): boolean {
    if (this.#policy !== 'drop-oldest') return false;
    const oldest = this.#queue.findIndex((waiting, at) => at >= this.#head && waiting.kind === 'message');
    const [dropped] = oldest < 0 ? [] : this.#queue.splice(oldest, 1);
    dropped?.fail(new BusError('ERR_SLOW_CONSUMER', 'Dropped to make room for a newer message'));
    return dropped !== undefined;
  }

  #reset(): void {
    this.#queue = [];
    this.#head = 0;
  }

  #compact(): void {
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }
}
