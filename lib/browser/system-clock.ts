import { type Clock, longestTimerMs } from '../base/clock.ts';

/** Stands in for `base/system-clock` in web pages, whose timers hold nothing. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(task, ms) {
    const timer = setTimeout(task, Math.min(ms, longestTimerMs));
    return { cancel: () => clearTimeout(timer) };
  },
  // Browsers hold back the timers of pages nobody looks at; messages come.
  defer(task) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      task();
    };
    port2.postMessage(0);
  },
};
