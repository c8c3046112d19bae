import { BusError } from '../../../base/errors.ts';
import { failed } from '../ends/channel-end.ts';

/** What one sender may have on its way to one receiver that the receiver's session has not accepted. */
export const windowBytes = 524_288;
/** What a message costs besides its bytes, so that tiny ones count too. */
export const messageCost = 64;

interface Waiting {
  readonly cost: number;
  readonly go: () => Promise<void>;
  readonly resolve: (sent: Promise<void>) => void;
}

/** Holds a sender back who is faster than its receiver, without holding up anybody else. */
export class SendWindow {
  readonly #maxQueuedBytes: number;
  #queue: Waiting[] = [];
  #queued = 0;
  #inFlight = 0;

  constructor(maxQueuedBytes: number) {
    this.#maxQueuedBytes = maxQueuedBytes;
  }

  get stalled(): boolean {
    return this.#queue.length > 0 || this.#inFlight >= windowBytes;
  }

  /** Runs `go` in its turn. Rejects `ERR_QUEUE_FULL` when too much waits already. */
  send(bytes: number, go: () => Promise<void>): Promise<void> {
    const cost = bytes + messageCost;
    if (!this.stalled) {
      this.#inFlight += cost;
      return go();
    }
    if (this.#queued + cost > this.#maxQueuedBytes) {
      return failed(new BusError('ERR_QUEUE_FULL', 'The receiver does not keep up, and enough waits for it already.'));
    }
    this.#queued += cost;
    const sent = new Promise<void>((resolve) => this.#queue.push({ cost, go, resolve }));
    sent.catch(() => undefined);
    return sent;
  }

  /** The relay says that so much was accepted. */
  credit(bytes: number): void {
    this.#inFlight = Math.max(0, this.#inFlight - bytes);
    let count = 0;
    while (count < this.#queue.length && this.#inFlight < windowBytes) {
      this.#inFlight += this.#queue[count]?.cost ?? 0;
      count += 1;
    }
    this.#release(count);
  }

  /** Lets everything that waits go at once: the end is about to close. */
  flush(): void {
    this.#release(this.#queue.length);
  }

  #release(count: number): void {
    if (count === 0) return;
    for (const { cost, go, resolve } of this.#queue.splice(0, count)) {
      this.#queued -= cost;
      resolve(go());
    }
  }
}
