import type { Clock } from '../base/clock.ts';

/** Resolves with `work`, or without it once `ms` have passed. Never rejects. */
export function withinTime(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(resolve, ms);
    const done = (): void => {
      timer.cancel();
      resolve();
    };
    work.then(done, done);
  });
}
