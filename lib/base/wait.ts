import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

interface AbortTasks {
  readonly tasks: Set<() => void>;
  readonly run: () => void;
}

/** What is to be done when a signal fires, kept as long as it. */
const abortTasks = new WeakMap<AbortSignal, AbortTasks>();

/**
 * Runs `task`, a function of its own, once when `signal` fires; returns how to stop that. A signal has one listener for all who wait for it, as
 * Node takes many for a leak. A signal that has fired already runs nothing.
 */
export function onAbort(signal: AbortSignal, task: () => void): () => void {
  const { tasks, run } = abortTasks.get(signal) ?? listen(signal);
  tasks.add(task);
  return () => {
    if (!tasks.delete(task) || tasks.size > 0) return;
    signal.removeEventListener('abort', run);
    abortTasks.delete(signal);
  };
}

function listen(signal: AbortSignal): AbortTasks {
  const tasks = new Set<() => void>();
  const run = (): void => {
    abortTasks.delete(signal);
    for (const task of tasks) task();
  };
  const entry = { tasks, run };
  abortTasks.set(signal, entry);
  signal.addEventListener('abort', run, { once: true });
  return entry;
}

/** Settles as `work` does, or rejects with the reason of `signal` as soon as it fires. */
export function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    const stop = onAbort(signal, abort);
    work.then(resolve, reject).finally(stop);
  });
}

/** How long something may take. */
export interface Deadline {
  readonly clock: Clock;
  readonly ms: number;
  /** Ends the wait before. */
  readonly signal?: AbortSignal | undefined;
  /** The wait does not keep the process alive. */
  readonly background?: boolean | undefined;
}

/** Settles as `work` does; rejects with what `late` makes once the time has passed, or with the signal's reason. */
export function inTime<T>(deadline: Deadline, work: Promise<T>, late: () => unknown): Promise<T> {
  const { clock, ms, signal, background } = deadline;
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => reject(late()), ms, background);
    const wait = signal === undefined ? work : untilAborted(signal, work);
    wait.finally(() => timer.cancel()).then(resolve, reject);
  });
}

/** Resolves when `work` has settled, whichever way, or `ms` have passed. Never rejects. */
export function withinTime(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(resolve, ms);
    const done = (): void => {
      timer.cancel();
      resolve();
    };
    work.then(done, done);
  });
}

/** Resolves after `ms`; rejects with the reason of `signal` as soon as it fires. `background`: as for a timer. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal, background = false): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const timer = clock.setTimer(
      () => {
        stop?.();
        resolve();
      },
      ms,
      background,
    );
    const abort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const stop = signal === undefined ? undefined : onAbort(signal, abort);
  });
}

const settled = Promise.resolve();
const nothing = (): void => undefined;

/**
 * What to resolve a promise with for it to reject with the error that `make` makes. The error is made while those who
 * await the promise are known, so that its stack ends with their lines, as that of an error thrown in an async function
 * does; until something fails this costs nothing.
 */
export function failing(make: () => Error): Promise<never> {
  // One reaction ahead, in which the other promise begins to listen to this one.
  return settled.then(nothing).then(() => {
    throw make();
  });
}

const shortestMs = 100;
const stepMs = 500;

/**
 * How long to wait before attempt number `attempt` (1 for the first one after a failure): 500 ms x attempt, at most
 * `maxMs`; with `random`, full jitter between 100 ms and that. Spreading over the whole range, rather than around the
 * ceiling, is what keeps clients that lost the same server from returning together.
 */
export function retryDelayMs(attempt: number, maxMs: number, random: Random | undefined): number {
  const ceiling = Math.max(shortestMs, Math.min(maxMs, stepMs * attempt));
  return random === undefined ? ceiling : shortestMs + random.unit() * (ceiling - shortestMs);
}

/** Promises that wait for something to have changed. */
export class Signal {
  isAwaited = false;
  #waiting: (() => void)[] = [];

  /** Resolves at the next `wake`. */
  next(): Promise<void> {
    this.isAwaited = true;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  wake(): void {
    this.isAwaited = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
