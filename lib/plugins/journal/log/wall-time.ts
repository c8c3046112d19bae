import type { Clock } from '../../../base/clock.ts';
import { systemClock } from '../../../base/system-clock.ts';

/** Milliseconds that mean the same in the next process: of the system, or of a clock that outlives what runs by it. */
export function wallTimeOf(clock: Clock): () => number {
  return clock === systemClock ? () => Date.now() : () => clock.now();
}
