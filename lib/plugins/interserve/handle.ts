import { GuardedEmitter } from '../../base/emitter.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import type { Receipt } from './intake.ts';

export interface Progress {
  readonly peer: PeerHandle;
  /** Bytes that left so far; after a break it may fall back to where the transfer goes on. */
  readonly bytes: number;
  /** Undefined while the end of a stream is not known. */
  readonly total: number | undefined;
  /** Bytes per second, smoothed. */
  readonly rate: number;
}

interface HandleEvents {
  progress(progress: Progress): unknown;
}

/** What `send` returns: the receipts to come, the progress, and the way to end it. */
export class TransferHandle<Result> extends GuardedEmitter<HandleEvents> {
  /** One for each peer; a client's own, once it is ready. Rejects with a `BusError` whose `details` are `{ status, reason }`. */
  readonly receipts: ReadonlyMap<PeerHandle, Promise<Receipt>>;
  /** The receipt where there is one peer; else all of them as `Promise.allSettled` has them. */
  readonly receipt: Promise<Result>;
  readonly #abort: () => void;

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
    // Those who want no receipt must not die of one.
    receipt.catch(() => {});
    for (const each of receipts.values()) each.catch(() => {});
  }

  /** Ends the transfer to every peer that has not taken it yet; the other side is told. */
  abort(): void {
    this.#abort();
  }
}
