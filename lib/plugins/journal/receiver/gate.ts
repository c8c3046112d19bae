import type { Clock, Timer } from '../../../base/clock.ts';
import type { Delivery } from './delivery.ts';

/** For so long what has begun keeps others from beginning, also where it never settles. */
const patienceMs = 10_000;

/**
 * Lets consumers and handlers of requests begin. What an earlier process may have ended by is handled alone, until it has not
 * ended this one.
 */
export class Gate {
  readonly #clock: Clock;
  readonly #opened: () => void;
  readonly #suspects = new Set<Delivery>();
  #running = 0;
  /** When one last came, began or ended, while there are suspects. */
  #since = 0;
  #timer: Timer | undefined;

  /** `opened` hears when more may begin. */
  constructor(clock: Clock, opened: () => void) {
    this.#clock = clock;
    this.#opened = opened;
  }

  /** It waits to begin. */
  expect(delivery: Delivery): void {
    if (delivery.attempts === 0) return;
    this.#suspects.add(delivery);
    this.#since = this.#clock.now();
  }

  /** One may begin; where none may, `opened` is called later. */
  get isOpen(): boolean {
    if (this.#suspects.size === 0 || this.#running === 0) return true;
    const leftMs = this.#since + patienceMs - this.#clock.now();
    if (leftMs <= 0) return true;
    this.#timer ??= this.#clock.setTimer(() => this.#open(), leftMs, true);
    return false;
  }

  begin(): void {
    this.#running += 1;
    if (this.#suspects.size > 0) this.#since = this.#clock.now();
  }

  /** What began has settled. */
  end(delivery: Delivery): void {
    this.#running -= 1;
    if (this.#suspects.size === 0) return;
    this.#since = this.#clock.now();
    this.#suspects.delete(delivery);
    this.#open();
  }

  /** It does not begin here. */
  forget(delivery: Delivery): void {
    if (this.#suspects.delete(delivery)) this.#open();
  }

  /** No time is looked at any more. */
  close(): void {
    this.#timer?.cancel();
  }

  #open(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#opened();
  }
}
