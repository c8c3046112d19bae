import type { Clock, Timer } from './clock.ts';
import { longestTimerMs } from './clock.ts';

/** The platform's clock. Where there is no `setImmediate` (browsers) the turn ends with its microtasks. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(task, ms, background = false): Timer {
    const handle: unknown = setTimeout(task, Math.min(ms, longestTimerMs));
    if (background && typeof handle === 'object' && handle !== null && 'unref' in handle) {
      (handle as NodeJS.Timeout).unref();
    }
    return { cancel: () => clearTimeout(handle as NodeJS.Timeout) };
  },
  // Browsers take `queueMicrotask` only as a method of the window.
  defer: typeof setImmediate === 'function' ? setImmediate : (task) => queueMicrotask(task),
};
