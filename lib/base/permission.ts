import type { Clock } from './clock.ts';
import { BusError } from './errors.ts';

/**
 * Asks a permission callback. Only `true`, or a promise of it, permits. Rejects with what the callback throws or rejects
 * with, and `ERR_UNAVAILABLE` where it has not decided within `ms`; both refuse too.
 */
export function permits(ask: () => unknown, clock: Clock, ms: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new BusError('ERR_UNAVAILABLE', 'It was not decided in time'));
    const timer = clock.setTimer(late, ms, true);
    Promise.resolve()
      .then(ask)
      .finally(() => timer.cancel())
      .then((verdict) => resolve(verdict === true), reject);
  });
}
