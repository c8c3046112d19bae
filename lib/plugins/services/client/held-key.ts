import { Signal } from '../../../base/wait.ts';
import type { Offer } from '../../rpc/internal.ts';

/** A key in its owner's hands. */
export class HeldKey {
  readonly epoch: number;
  /** What `open` made, and what of it can be called; undefined while it is being opened. */
  room: { readonly object: unknown; readonly offer: Offer } | undefined;
  isClosing = false;
  /** `close` has it, whatever comes of that. */
  isLeft = false;
  isLost = false;
  /** Calls that were begun. */
  calls = 0;
  /** When the last one came, on the clock of the bus. */
  usedAt: number;
  #running = 0;
  readonly #settled = new Signal();

  constructor(epoch: number, now: number) {
    this.epoch = epoch;
    this.usedAt = now;
  }

  get isIdle(): boolean {
    return this.#running === 0;
  }

  begin(now: number): void {
    this.calls += 1;
    this.#running += 1;
    this.usedAt = now;
  }

  readonly done = (): void => {
    this.#running -= 1;
    if (this.#running === 0 && this.#settled.isAwaited) this.#settled.wake();
  };

  lose(): void {
    this.isLost = true;
    this.#settled.wake();
  }

  /** Resolves when no call is running, or the key is lost. */
  async whenIdle(): Promise<void> {
    while (this.#running > 0 && !this.isLost) await this.#settled.next();
  }
}
