import type { Clock } from './clock.ts';
import { BusError } from './errors.ts';
import { inTime } from './wait.ts';

/**
 * Asks a permission callback. Only `true`, or a promise of it, permits. Rejects with what the callback throws or rejects
 * with, and `ERR_UNAVAILABLE` where it has not decided within `ms`; both refuse too.
 */
export async function permits(ask: () => unknown, clock: Clock, ms: number): Promise<boolean> {
  const late = (): BusError => new BusError('ERR_UNAVAILABLE', 'It was not decided in time');
  const verdict = await inTime({ clock, ms, background: true }, Promise.resolve().then(ask), late);
  return verdict === true;
}
