import { retryDelayMs } from '../../../base/backoff.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import { asTransferError, failureOf, transferError } from '../outcomes.ts';
import { Stall } from '../stall.ts';
import { untilAborted } from '../until-aborted.ts';

const longestDelayMs = 2_000;

export interface PersistOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Ends everything with its reason. */
  readonly signal: AbortSignal;
  /** Without a byte for so long the whole is given up; a single attempt is after a third of it. */
  readonly timeoutMs: number;
}

export interface Attempt {
  /** 1 for the first one. */
  readonly number: number;
  /** Ends this attempt. */
  readonly signal: AbortSignal;
  /** To be called as bytes move. */
  moved(): void;
  /** To be called when all bytes moved and only the other end's answer is awaited. */
  complete(): void;
}

/**
 * Tries until it works: what a connection failed with is tried again, after a growing and spread delay, for as long as
 * bytes move now and then. Anything else, and the last failure when they do not, rejects.
 */
export async function persist(options: PersistOptions, work: (attempt: Attempt) => Promise<void>): Promise<void> {
  const { clock, random, timeoutMs } = options;
  const over = new AbortController();
  const stop = () => over.abort(options.signal.reason);
  if (options.signal.aborted) stop();
  options.signal.addEventListener('abort', stop, { once: true });
  let last = transferError('stalled');
  const stall = new Stall(clock, timeoutMs, () => over.abort(last));
  stall.touch();
  try {
    for (let number = 1, fruitless = 0; ; number++) {
      const once = new AbortController();
      const end = () => once.abort(over.signal.reason);
      if (over.signal.aborted) end();
      over.signal.addEventListener('abort', end, { once: true });
      const slow = new Stall(clock, timeoutMs / 3, () => once.abort(transferError('stalled')));
      slow.touch();
      let current = true;
      const attempt = {
        number,
        signal: once.signal,
        moved() {
          if (!current) return;
          fruitless = 0;
          stall.touch();
          slow.touch();
        },
        complete() {
          if (!current) return;
          stall.stop();
          slow.stop();
        },
      };
      try {
        await untilAborted(over.signal, work(attempt));
        return;
      } catch (error) {
        if (over.signal.aborted) throw over.signal.reason;
        last = asTransferError(once.signal.aborted ? once.signal.reason : error);
        if (!isTransient(last)) throw last;
        stall.touchUnlessStarted();
      } finally {
        current = false;
        slow.stop();
        over.signal.removeEventListener('abort', end);
      }
      fruitless += 1;
      const delayMs = retryDelayMs(fruitless, longestDelayMs, random);
      await pause(clock, delayMs, over.signal);
    }
  } finally {
    stall.stop();
    options.signal.removeEventListener('abort', stop);
  }
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  let timer: Timer | undefined;
  const passed = new Promise<void>((resolve) => {
    timer = clock.setTimer(resolve, ms);
  });
  await untilAborted(signal, passed).finally(() => timer?.cancel());
}

function isTransient(error: unknown): boolean {
  const failure = failureOf(error);
  return failure === 'unreachable' || failure === 'stalled' || failure === 'offset' || failure === 'busy';
}
