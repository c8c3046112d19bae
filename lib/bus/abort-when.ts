import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import { onAbort } from '../base/wait.ts';
import type { AskOptions } from './ask-options.ts';

/** Aborts `controller` by the caller's signal or after its time, with the error to reject with; returns how to stop that. */
export function abortWhen(controller: AbortController, { signal, timeoutMs }: AskOptions, clock: Clock): () => void {
  const abort = (): void => controller.abort(new BusError('ERR_ABORTED', undefined, { cause: signal?.reason }));
  const stop = signal === undefined ? undefined : onAbort(signal, abort);
  const timer =
    timeoutMs === undefined
      ? undefined
      : clock.setTimer(
          () => controller.abort(new BusError('ERR_TIMEOUT', `Not connected within ${timeoutMs} ms`)),
          timeoutMs,
        );
  return () => {
    timer?.cancel();
    stop?.();
  };
}
