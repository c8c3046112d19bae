/** One thing that happened. `event` is a word of `docs/dispatch.md`; the other members depend on it. Never a token. */
export interface LogEvent {
  readonly level: 'debug' | 'info' | 'warn';
  readonly event: string;
  readonly [member: string]: unknown;
}

export type Log = (event: LogEvent) => void;
