import type { Clock, Timer } from '../../../base/clock.ts';
import type { Log } from './log.ts';

/** Between two of them that are written by themselves. */
const restMs = 10;

/**
 * A note of how things stand, of which only the latest counts: it goes with whatever is written next, or else by itself, at
 * once where the last one was a while ago.
 */
export class LatestNote {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #make: () => Uint8Array;
  #isToNote = false;
  #notedAt = Number.NEGATIVE_INFINITY;
  #isWaiting = false;
  #timer: Timer | undefined;

  constructor(log: Log, clock: Clock, make: () => Uint8Array) {
    this.#log = log;
    this.#clock = clock;
    this.#make = make;
    log.alongside(() => this.#take());
  }

  /** There is something new to note. */
  changed(): void {
    this.#isToNote = true;
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const waitMs = this.#notedAt + restMs - this.#clock.now();
    const note = (): void => {
      this.#isWaiting = false;
      this.now();
    };
    // A turn's worth of them, whatever the log is doing.
    if (waitMs <= 0) this.#clock.defer(note);
    else this.#timer = this.#clock.setTimer(note, waitMs);
  }

  /** Has it written, unless there is nothing new, or the log failed. */
  now(): void {
    if (this.#log.failure !== undefined) return;
    const note = this.#take();
    if (note !== undefined) this.#log.note(note);
  }

  /** The last one is written. */
  end(): void {
    this.#timer?.cancel();
    this.now();
  }

  #take(): Uint8Array | undefined {
    if (!this.#isToNote) return undefined;
    this.#isToNote = false;
    this.#notedAt = this.#clock.now();
    return this.#make();
  }
}
