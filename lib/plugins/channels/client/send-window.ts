import { BusError } from '../../../base/errors.ts';
import { Queue } from '../../../base/queue.ts';
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
  readonly #queue = new Queue<Waiting>();
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
    while (this.#inFlight < windowBytes && this.#queue.length > 0) {
      this.#inFlight += this.#queue.first?.cost ?? 0;
      this.#release();
    }
  }

  /** Lets everything that waits go at once: the end is about to close. */
  flush(): void {
    while (this.#queue.length > 0) this.#release();
  }

  #release(): void {
    const next = this.#queue.shift();
    if (next === undefined) return;
    this.#queued -= next.cost;
    next.resolve(next.go());
  }
}
