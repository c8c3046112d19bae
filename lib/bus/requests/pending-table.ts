import { IdRing } from '#request-tables';
import type { Clock, Timer } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { failing } from '../../base/wait.ts';
import type { RequestId } from '../../wire/frames.ts';
import type { Waiting } from '../../session/send-queue.ts';

/** A request that was sent, or is to be, and not answered yet. */
export interface Pending {
  /** A message is a request too, where its sender waits until it was handled. */
  readonly kind: 'message' | 'request';
  readonly lane: string;
  /** Takes what is `failing` too. */
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: BusError) => void;
  /** When to stop waiting, on the clock's scale; Infinity: never. */
  readonly deadline: number;
  readonly askedAt: number;
  /** True once a frame of it was handed to the session. */
  sent: boolean;
  /** How to send it: kept while that is still to come, and until the answer if it may be made again in a new session. */
  waiting?: Waiting | undefined;
  /** As in `AskOptions`. */
  readonly unclaimed?: ((answer: unknown) => void) | undefined;
  /** Removes what the caller's signal holds. */
  release?: (() => void) | undefined;
}

/** The requests to one peer by their integer, with one timer for all of them. */
export class PendingTable {
  /** Answers that came for nobody: late, cancelled, or never asked for. */
  late = 0;
  readonly #clock: Clock;
  readonly #onTimeout: (id: number, pending: Pending) => void;
  readonly #byId = new IdRing<Pending>();
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /** `onTimeout` is called after the request was removed and before it is rejected. */
  constructor(clock: Clock, onTimeout: (id: number, pending: Pending) => void) {
    this.#clock = clock;
    this.#onTimeout = onTimeout;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** How many were added. */
  get asksMade(): number {
    return this.#byId.lastId ?? 0;
  }

  get sent(): number {
    let count = 0;
    for (const [, pending] of this.#byId.entries()) if (pending.sent) count += 1;
    return count;
  }

  add(pending: Pending): number {
    const id = this.#byId.add(pending);
    if (pending.deadline < this.#timerAt) this.#arm(pending.deadline);
    else if (this.#byId.size === 1) this.#timer?.hold?.(true);
    return id;
  }

  /** Removes and returns the request whose id this is; a stranger's id counts as late. */
  take(id: RequestId): Pending | undefined {
    const pending = typeof id === 'number' ? this.#byId.take(id) : undefined;
    if (pending === undefined) this.late += 1;
    else pending.release?.();
    // The timer stays, for the next request, but nobody waits for it.
    if (this.#byId.size === 0) this.#timer?.hold?.(false);
    return pending;
  }

  /** Whether `id` still waits for an answer. */
  has(id: number): boolean {
    return this.#byId.get(id) !== undefined;
  }

  /** Milliseconds until `id` times out; negative when nobody waits for it. */
  left(id: number): number {
    const pending = this.#byId.get(id);
    return pending === undefined ? -1 : Math.max(0, Math.ceil(pending.deadline - this.#clock.now()));
  }

  /** Rejects every request that `which` picks. */
  reject(error: BusError, which: (pending: Pending) => boolean = () => true): void {
    for (const [id, pending] of this.#byId.entries()) {
      if (!which(pending) || this.#byId.take(id) === undefined) continue;
      pending.release?.();
      pending.reject(error);
    }
    if (this.#byId.size === 0) this.#disarm();
  }

  /** Makes the requests that may be made again wait for that. */
  retryAll(wait: (waiting: Waiting) => void): void {
    for (const [, pending] of this.#byId.entries()) {
      if (!pending.sent || pending.waiting === undefined) continue;
      pending.sent = false;
      wait(pending.waiting);
    }
  }

  #arm(at: number): void {
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.setTimer(() => this.#expire(), Math.max(0, at - this.#clock.now()));
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #expire(): void {
    this.#disarm();
    const now = this.#clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const [id, pending] of this.#byId.entries()) {
      if (pending.deadline > now) {
        next = Math.min(next, pending.deadline);
        continue;
      }
      if (this.#byId.take(id) === undefined) continue;
      pending.release?.();
      this.#onTimeout(id, pending);
      const given = Math.round(pending.deadline - pending.askedAt);
      pending.resolve(failing(() => new BusError('ERR_TIMEOUT', `The timeout of ${given} ms passed`)));
    }
    if (next < this.#timerAt) this.#arm(next);
  }
}
