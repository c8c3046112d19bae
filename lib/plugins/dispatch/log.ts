import type { Clock } from '../../base/clock.ts';

/** One thing that happened. `event` is a word of `docs/dispatch.md`; the other members depend on it. Never a token. */
export interface LogEvent {
  readonly level: 'debug' | 'info' | 'warn';
  readonly event: string;
  readonly [member: string]: unknown;
}

export type Log = (event: LogEvent) => void;

const intervalMs = 1_000;
const mostKeys = 1_000;

/** Keeps a flood out of the log: for each key one line a second, which says how many were left out before it. */
export class RateLimitedLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #keys = new Map<string, { until: number; omitted: number }>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  write(key: string, event: LogEvent): void {
    const now = this.#clock.now();
    const last = this.#keys.get(key);
    if (last !== undefined && now < last.until) {
      last.omitted += 1;
      return;
    }
    if (this.#keys.size >= mostKeys) this.#keys.clear();
    this.#keys.set(key, { until: now + intervalMs, omitted: 0 });
    this.#log(last === undefined || last.omitted === 0 ? event : { ...event, omitted: last.omitted });
  }
}
