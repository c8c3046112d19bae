import type { Clock } from '../../base/clock.ts';
import { onAbort } from '../../base/wait.ts';
import type { BusError } from '../../base/errors.ts';

/** The promise, or the signal's reason as soon as it fires. */
export function untilAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    const stop = onAbort(signal, () => reject(signal.reason));
    promise.then(resolve, reject).finally(stop);
  });
}

export interface Patience {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** The promise, the signal's reason, or `late` after the time; no timer stays behind. */
export function untilLate<T>({ clock, signal, timeoutMs }: Patience, promise: Promise<T>, late: BusError): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => reject(late), timeoutMs);
    untilAborted(signal, promise)
      .then(resolve, reject)
      .finally(() => timer.cancel());
  });
}

/** How long the response to a request may follow the same news over the bus. */
export const responseMs = 200;

/** Resolves when the promise settled, whichever way, or after the time. */
export function untilSettled(clock: Clock, timeoutMs: number, promise: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(resolve, timeoutMs);
    const settled = () => {
      timer.cancel();
      resolve();
    };
    promise.then(settled, settled);
  });
}
