import { asBusError, BusError } from '../base/errors.ts';
import type { SendQueue as Original, SlowConsumerPolicy, Waiting } from '../session/send-queue.ts';

const mostWaiting = 16_384;

/** Stands in for `session/send-queue` in web pages: small instead of fast. */
export class SendQueue {
  readonly #policy: SlowConsumerPolicy;
  readonly #waiting = new Set<Waiting>();
  #full: BusError | undefined;

  constructor(policy: SlowConsumerPolicy) {
    this.#policy = policy;
  }

  get length(): number {
    return this.#waiting.size;
  }

  follow(waiting: Waiting): void {
    waiting.queue = this as unknown as Original;
    this.#waiting.add(waiting);
  }

  push(waiting: Waiting): void {
    if (this.length >= mostWaiting && !this.#makeRoom()) {
      this.#full ??= new BusError('ERR_QUEUE_FULL');
      waiting.fail(this.#full);
      return;
    }
    this.#full = undefined;
    this.follow(waiting);
  }

  drain(mayGo: () => boolean): void {
    for (const waiting of this.#waiting) {
      if (!mayGo()) return;
      this.remove(waiting);
      sendOrFail(waiting);
    }
  }

  remove(waiting: Waiting): void {
    if (this.#waiting.delete(waiting)) waiting.queue = undefined;
  }

  fail(error: BusError, which: (waiting: Waiting) => boolean = () => true): void {
    const picked = [...this.#waiting].filter(which);
    for (const waiting of picked) this.remove(waiting);
    for (const waiting of picked) waiting.fail(error);
  }

  #makeRoom(): boolean {
    if (this.#policy !== 'drop-oldest') return false;
    for (const oldest of this.#waiting) {
      if (oldest.kind !== 'message') continue;
      this.remove(oldest);
      oldest.fail(new BusError('ERR_SLOW_CONSUMER'));
      return true;
    }
    return false;
  }
}

export function sendOrFail(waiting: Waiting): void {
  try {
    waiting.send();
  } catch (error) {
    waiting.fail(asBusError(error, 'ERR_UNENCODABLE'));
  }
}
