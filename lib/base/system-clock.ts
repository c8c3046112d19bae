import { type Clock, type Timer, longestTimerMs } from './clock.ts';

/** The platform's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(task, ms, background = false): Timer {
    const timer = new SystemTimer(setTimeout(task, Math.min(ms, longestTimerMs)));
    if (background) timer.hold(false);
    return timer;
  },
  // Browsers have no `setImmediate`, and hold back the timers of pages nobody looks at; messages come.
  defer: typeof setImmediate === 'function' ? setImmediate : postMessageTo,
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

function postMessageTo(task: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    task();
  };
  port2.postMessage(0);
}
