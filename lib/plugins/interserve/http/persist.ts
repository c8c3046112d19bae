import { retryDelayMs } from '../../../base/backoff.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import type { BusError } from '../../../base/errors.ts';
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
  const { clock, random, signal, timeoutMs } = options;
  const over = new AbortController();
  const stop = () => over.abort(signal.reason);
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  let last = transferError('stalled');
  let fruitless = 0;
  const stall = new Stall(clock, timeoutMs, () => over.abort(last));
  stall.touch();
  const moved = () => {
    fruitless = 0;
    stall.touch();
  };
  try {
    for (let number = 1; ; number++) {
      const failed = await attemptOnce(
        { clock, timeoutMs, over: over.signal, number, moved, complete: () => stall.stop() },
        work,
      );
      if (failed === undefined) return;
      last = failed;
      stall.touchUnlessStarted();
      fruitless += 1;
      await pause(clock, retryDelayMs(fruitless, longestDelayMs, random), over.signal);
    }
  } finally {
    stall.stop();
    signal.removeEventListener('abort', stop);
  }
}

interface Once extends Pick<Attempt, 'number' | 'moved' | 'complete'> {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Ends everything. */
  readonly over: AbortSignal;
}

/** Resolves undefined when it worked and the failure when it may be tried again; rejects anything else. */
async function attemptOnce(
  { clock, timeoutMs, over, number, moved, complete }: Once,
  work: (attempt: Attempt) => Promise<void>,
): Promise<BusError | undefined> {
  const once = new AbortController();
  const end = () => once.abort(over.reason);
  over.addEventListener('abort', end, { once: true });
  const slow = new Stall(clock, timeoutMs / 3, () => once.abort(transferError('stalled')));
  slow.touch();
  let current = true;
  /** What is left of an attempt that is over must not touch the clocks of the next one. */
  const whileCurrent = (task: () => void) => () => {
    if (current) task();
  };
  const attempt = {
    number,
    signal: once.signal,
    moved: whileCurrent(() => {
      moved();
      slow.touch();
    }),
    complete: whileCurrent(() => {
      complete();
      slow.stop();
    }),
  };
  try {
    await untilAborted(over, work(attempt));
    return undefined;
  } catch (error) {
    over.throwIfAborted();
    const failure = asTransferError(once.signal.aborted ? once.signal.reason : error);
    if (!isTransient(failure)) throw failure;
    return failure;
  } finally {
    current = false;
    slow.stop();
    over.removeEventListener('abort', end);
  }
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  let timer: Timer | undefined;
  const passed = new Promise<void>((resolve) => {
    timer = clock.setTimer(resolve, ms);
  });
  await untilAborted(signal, passed).finally(() => timer?.cancel());
}

function isTransient(error: BusError): boolean {
  const failure = failureOf(error);
  return failure === 'unreachable' || failure === 'stalled' || failure === 'offset' || failure === 'busy';
}
