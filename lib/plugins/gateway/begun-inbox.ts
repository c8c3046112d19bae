import type { Clock } from '../../base/clock.ts';

/**
 * Frames on their way to the handlers of a worker. How many were begun is reported a turn before the handlers run, so
 * that when this process is killed the gateway knows of everything that a handler may have seen.
 */
export class BegunInbox<Frame> {
  readonly #clock: Clock;
  readonly #report: (begun: number) => void;
  readonly #handle: (frame: Frame) => void;
  #waiting: Frame[] = [];
  #begun = 0;
  #scheduled = false;
  #generation = 0;

  constructor(clock: Clock, report: (begun: number) => void, handle: (frame: Frame) => void) {
    this.#clock = clock;
    this.#report = report;
    this.#handle = handle;
  }

  push(frame: Frame): void {
    this.#waiting.push(frame);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.defer(() => this.#begin(this.#generation));
  }

  /** A new session counts from nothing; what waits belonged to the old one. */
  reset(): void {
    this.#generation += 1;
    this.#waiting = [];
    this.#begun = 0;
    this.#scheduled = false;
  }

  #begin(generation: number): void {
    if (generation !== this.#generation) return;
    const frames = this.#waiting;
    this.#waiting = [];
    this.#begun += frames.length;
    this.#report(this.#begun);
    this.#clock.defer(() => {
      if (generation !== this.#generation) return;
      this.#scheduled = false;
      for (const frame of frames) this.#handle(frame);
      if (this.#waiting.length > 0 && !this.#scheduled) {
        this.#scheduled = true;
        this.#begin(generation);
      }
    });
  }
}
