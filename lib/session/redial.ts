import retry from '#retry';
import { retryDelayMs, sleep } from '../base/wait.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';

export interface RedialOptions {
  /** Attempts after the first one; Infinity never gives up. */
  readonly retries: number;
  readonly maxRetryTime: number;
  /** Waits before the first attempt too, so that many clients do not come back at one time. */
  readonly waitFirst: boolean;
  readonly clock: Clock;
  /** Spreads the waits; undefined: they are what they are at most. */
  readonly random: Random | undefined;
  readonly signal: AbortSignal;
  /** Whether another attempt makes sense after `error`. */
  mayRetry(error: Error): boolean;
  /** Called before each wait, of `ms`; it is followed by attempt number `attempt`, 1 for the first one after a wait. */
  waiting(attempt: number, ms: number): void;
}

/** Runs `attempt` until it succeeds, may not be repeated or was repeated often enough; rejects its last error. */
export async function redial(attempt: () => Promise<void>, options: RedialOptions): Promise<void> {
  const { retries, maxRetryTime, clock, random, signal } = options;
  let attempts = 0;
  const wait = async (failures: number): Promise<void> => {
    signal.throwIfAborted();
    const ms = retryDelayMs(failures, maxRetryTime, random);
    attempts += 1;
    options.waiting(attempts, ms);
    await sleep(clock, ms, signal);
  };
  if (options.waitFirst) await wait(1);
  await retry(attempt, {
    retries,
    // The wait is ours: p-retry has no jitter at its cap and no clock that can be given.
    minTimeout: 0,
    signal,
    shouldRetry: async ({ error, attemptNumber }) => {
      if (!options.mayRetry(error)) return false;
      await wait(attemptNumber);
      return true;
    },
  });
}
