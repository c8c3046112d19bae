import type { Clock, Timer } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import { custom, integer, resolveOptions } from '../base/options.ts';

const table = {
  startMs: custom<number>({ type: 'finite number', default: 0, accepts: Number.isFinite }),
  maxSteps: integer({ default: 10_000_000, min: 1, max: Infinity }),
} as const;

interface Scheduled {
  readonly due: number;
  readonly order: number;
  task: (() => void) | undefined;
}

/**
 * A clock that advances only when told to. Deferred tasks run first in, first out; timers run in the order of their
 * time, then of their creation. The same calls always give the same run.
 */
export class VirtualClock implements Clock {
  readonly #heap: Scheduled[] = [];
  readonly #maxSteps: number;
  #deferred: (() => void)[] = [];
  #now: number;
  #made = 0;
  #timers = 0;
  #advancing = false;

  /**
   * `maxSteps` ends an advance that would loop forever at one time with an error.
   * @throws BusError `ERR_INVALID_OPTION`.
   */
  constructor(options: { readonly startMs?: number; readonly maxSteps?: number } = {}) {
    const { startMs, maxSteps } = resolveOptions('VirtualClock', table, options);
    this.#now = startMs;
    this.#maxSteps = maxSteps;
  }

  readonly now = (): number => this.#now;

  readonly setTimer = (task: () => void, ms: number): Timer => {
    const due = this.#now + (ms > 0 ? ms : 0);
    const scheduled: Scheduled = { due, order: this.#made++, task };
    this.#timers += 1;
    this.#push(scheduled);
    return {
      cancel: () => {
        if (scheduled.task === undefined) return;
        scheduled.task = undefined;
        this.#timers -= 1;
      },
    };
  };

  readonly defer = (task: () => void): void => {
    this.#deferred.push(task);
  };

  /** Number of waiting timers and deferred tasks: 0 after everything was closed. */
  get pending(): number {
    return this.#timers + this.#deferred.length;
  }

  /** The time of the next timer, on this clock's scale. */
  get nextTimerMs(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.due;
  }

  /**
   * Advances by `ms` and runs everything that becomes due. Promise reactions run only after it has returned.
   * @throws BusError `ERR_INVALID_ARGUMENT` for anything but a finite number from 0 on.
   */
  advance(ms: number): void {
    const until = this.#enter(ms);
    try {
      let steps = 0;
      while (this.#step(until)) this.#count(++steps);
      this.#now = until;
    } finally {
      this.#advancing = false;
    }
  }

  /** Like `advance`, but promise reactions run before each step, as between two turns of an event loop. */
  async run(ms: number): Promise<void> {
    const until = this.#enter(ms);
    try {
      let steps = 0;
      do {
        await this.turn();
        this.#count(++steps);
      } while (this.#step(until));
      this.#now = until;
    } finally {
      this.#advancing = false;
    }
  }

  /**
   * A turn of the real event loop: by its end all promise reactions that follow from each other have run.
   * @internal
   */
  protected turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** One deferred task or one timer due by `until`; false if there was none. */
  #step(until: number): boolean {
    const deferred = this.#deferred;
    if (deferred.length > 0) {
      // One turn: what is deferred meanwhile waits for the next.
      this.#deferred = [];
      for (const task of deferred) task();
      return true;
    }
    this.#dropCancelled();
    const next = this.#heap[0];
    if (next === undefined || next.due > until) return false;
    this.#pop();
    const task = next.task;
    next.task = undefined;
    this.#timers -= 1;
    this.#now = Math.max(this.#now, next.due);
    task?.();
    return true;
  }

  /** When to stop again. */
  #enter(ms: number): number {
    if (!Number.isFinite(ms) || ms < 0) {
      throw new BusError('ERR_INVALID_ARGUMENT', `A clock advances by 0 ms or more, not by ${String(ms)}`);
    }
    if (this.#advancing) throw new Error('the virtual clock is advancing already');
    this.#advancing = true;
    return this.#now + ms;
  }

  #count(steps: number): void {
    if (steps > this.#maxSteps)
      throw new Error(`more than ${this.#maxSteps} steps: do tasks start each other without end?`);
  }

  #dropCancelled(): void {
    while (this.#heap[0] !== undefined && this.#heap[0].task === undefined) this.#pop();
  }

  #push(scheduled: Scheduled): void {
    const heap = this.#heap;
    let at = heap.push(scheduled) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || !isBefore(scheduled, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = scheduled;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) break;
      const [child, from] = right !== undefined && isBefore(right, left) ? [right, 2 * at + 2] : [left, 2 * at + 1];
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = from;
    }
    heap[at] = last;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
