import type { Clock, Timer } from './clock.ts';
import { longestTimerMs } from './clock.ts';

/** The platform's clock. Where there is no `setImmediate` (browsers) the turn ends with its microtasks. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(task, ms, background = false): Timer {
    const timer = new SystemTimer(setTimeout(task, Math.min(ms, longestTimerMs)));
    if (background) timer.hold(false);
    return timer;
  },
  // Browsers take `queueMicrotask` only as a method of the window.
  defer: typeof setImmediate === 'function' ? setImmediate : (task) => queueMicrotask(task),
};

class SystemTimer implements Timer {
  readonly #handle: NodeJS.Timeout;

  constructor(handle: NodeJS.Timeout) {
    this.#handle = handle;
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  /** In browsers a timer is a number, and holds nothing. */
  hold(on: boolean): void {
    if (typeof this.#handle === 'object') this.#handle[on ? 'ref' : 'unref']();
  }
}
