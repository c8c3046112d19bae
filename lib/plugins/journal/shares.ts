import type { Log } from './log/log.ts';
import { Signal } from '../../base/wait.ts';

/** A sender may have so many times what is free: alone four fifths of the folder, and whoever comes finds room. */
const mostOfFree = 4;

/** What each sender has in the folder that is still needed, so that none keeps the others out. */
export class Shares {
  /** Wakes when a sender has less. */
  readonly freed = new Signal();
  readonly #log: Log;
  readonly maxBytes: number;
  readonly #bytes = new Map<string, number>();

  constructor(log: Log, maxBytes: number) {
    this.#log = log;
    this.maxBytes = maxBytes;
  }

  /** Whether this sender may have so much more. */
  allow(folder: string, bytes: number): boolean {
    const has = this.#bytes.get(folder) ?? 0;
    return has === 0 || has + bytes <= mostOfFree * (this.maxBytes - this.#log.bytes);
  }

  take(folder: string, bytes: number): void {
    this.#bytes.set(folder, (this.#bytes.get(folder) ?? 0) + bytes);
  }

  /** That much of it is needed no more. */
  give(folder: string, bytes: number): void {
    const left = (this.#bytes.get(folder) ?? 0) - bytes;
    if (left > 0) this.#bytes.set(folder, left);
    else this.#bytes.delete(folder);
    if (this.freed.isAwaited) this.freed.wake();
  }
}
