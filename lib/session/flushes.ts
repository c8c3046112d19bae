import type { Clock, Timer } from '../base/clock.ts';

/** What there is to be flushed. */
export interface Flushable {
  /** What `isFlushed` takes to mean everything up to now. */
  readonly mark: number;
  isFlushed(mark: number): boolean;
  /** Asks the peer to acknowledge what it has taken. */
  ask(): void;
}

const lookMs = 2;

/** Those who wait until all that was sent up to some point is flushed. */
export class Flushes {
  readonly #clock: Clock;
  readonly #flushable: Flushable;
  readonly #mustLook: boolean;
  #waiting: { readonly mark: number; readonly done: () => void }[] = [];
  #timer: Timer | undefined;

  /** `mustLook`: nothing is acknowledged, so that nobody says when the last bytes left. */
  constructor(clock: Clock, flushable: Flushable, mustLook: boolean) {
    this.#clock = clock;
    this.#flushable = flushable;
    this.#mustLook = mustLook;
  }

  add(done: () => void): void {
    this.#waiting.push({ mark: this.#flushable.mark, done });
    this.settle();
    if (this.#mustLook) this.#look();
  }

  /** Something was flushed: calls those whose wait is over. */
  settle(): void {
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0];
      if (first === undefined) return;
      if (!this.#flushable.isFlushed(first.mark)) {
        this.#flushable.ask();
        return;
      }
      this.#waiting.shift();
      first.done();
    }
  }

  /** There is nothing to wait for any more. */
  end(): void {
    this.#timer?.cancel();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { done } of waiting) done();
  }

  #look(): void {
    this.#timer?.cancel();
    if (this.#waiting.length === 0) return;
    this.#timer = this.#clock.setTimer(
      () => {
        this.settle();
        this.#look();
      },
      lookMs,
      true,
    );
  }
}
