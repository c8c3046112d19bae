import type { Clock } from '../../base/clock.ts';
import { GuardedEmitter } from '../../base/emitter.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import type { Receipt } from './protocol.ts';
import type { HandleEvents } from './transfer-events.ts';

/** What `send` returns: the receipts to come, the progress, and the way to end it. */
export class TransferHandle<Result> extends GuardedEmitter<HandleEvents> {
  /** One for each peer; a client's own, once it is ready. Rejects with a `BusError` whose `details` are `{ status, reason }`. */
  readonly receipts: ReadonlyMap<PeerHandle, Promise<Receipt>>;
  /** The receipt where there is one peer; else all of them as `Promise.allSettled` has them. */
  readonly receipt: Promise<Result>;
  readonly #abort: () => void;

  /** @internal */
  constructor(
    receipts: ReadonlyMap<PeerHandle, Promise<Receipt>>,
    receipt: Promise<Result>,
    abort: () => void,
    report: (error: unknown) => void,
  ) {
    super(report);
    this.receipts = receipts;
    this.receipt = receipt;
    this.#abort = abort;
    // Callers that ignore the receipts must not get unhandled rejections.
    receipt.catch(() => {});
    for (const each of receipts.values()) each.catch(() => {});
  }

  /** Ends the transfer to every peer that has not accepted it yet, and notifies the peer. */
  abort(): void {
    this.#abort();
  }
}

const reportIntervalMs = 100;

/** Makes progress reports of the bytes that move: at most ten a second, and one at the end. */
export class ProgressMeter {
  readonly #clock: Clock;
  readonly #report: (bytes: number, rate: number) => void;
  #reportedAt: number;
  #reportedBytes = 0;
  #rate = 0;

  /** `report` gets the bytes so far and the bytes per second, smoothed. */
  constructor(clock: Clock, report: (bytes: number, rate: number) => void) {
    this.#clock = clock;
    this.#report = report;
    this.#reportedAt = clock.now();
  }

  /** `bytes` is the count so far; `last` always reports. */
  moved(bytes: number, last = false): void {
    const elapsed = this.#clock.now() - this.#reportedAt;
    if (!last && elapsed < reportIntervalMs) return;
    if (elapsed > 0) {
      const rate = (Math.max(0, bytes - this.#reportedBytes) * 1000) / elapsed;
      this.#rate = this.#rate === 0 ? rate : this.#rate * 0.7 + rate * 0.3;
    }
    this.#reportedAt += elapsed;
    this.#reportedBytes = bytes;
    this.#report(bytes, this.#rate);
  }
}
