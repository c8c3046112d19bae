import type { Clock } from './clock.ts';

/**
 * Asks a permission callback. Only `true`, or a promise of it, permits; one that has not decided within `ms` refuses.
 * Rejects with what the callback throws or rejects with, which refuses too.
 */
export function permits(ask: () => unknown, clock: Clock, ms: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => resolve(false), ms);
    Promise.resolve()
      .then(ask)
      .finally(() => timer.cancel())
      .then((verdict) => resolve(verdict === true), reject);
  });
}
