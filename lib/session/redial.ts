import retry from '#retry';
import { retryDelayMs, sleep } from '../base/wait.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';

export interface RedialOptions {
  /** Attempts after the first one; Infinity: no limit. */
  readonly retries: number;
  readonly maxRetryTime: number;
  /** Waits so long before the first attempt too; undefined: not at all, and nobody is told. */
  readonly firstWaitMs: number | undefined;
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
  const { retries, maxRetryTime, firstWaitMs, clock, random, signal } = options;
  let attempts = 0;
  const wait = async (ms: number): Promise<void> => {
    signal.throwIfAborted();
    attempts += 1;
    options.waiting(attempts, ms);
    await sleep(clock, ms, signal);
  };
  if (firstWaitMs !== undefined) await wait(firstWaitMs);
  await retry(attempt, {
    retries,
    // The wait is ours: p-retry has no jitter at its cap and no clock that can be given.
    minTimeout: 0,
    signal,
    shouldRetry: async ({ error, attemptNumber }) => {
      if (!options.mayRetry(error)) return false;
      await wait(retryDelayMs(attemptNumber, maxRetryTime, random));
      return true;
    },
  });
}
