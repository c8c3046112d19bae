/** A process, or thread, of a fleet as it is when it was asked for; also a place that has none at present. */
export interface FleetProcess {
  /** The name of its group. */
  readonly group: string;
  /** Its place in the group, from 1. */
  readonly number: number;
  /** Undefined where there is no process. For a thread that of this process. */
  readonly pid: number | undefined;
  /**
   * `up`: it is ready; `starting`: not ready yet; `draining`: it ends in order; `waiting`: to be started, when others are ready or some time has passed;
   * `given-up`: it died too often.
   */
  readonly state: 'starting' | 'up' | 'draining' | 'waiting' | 'given-up' | 'stopped';
  /** When it was ready, in milliseconds since 1970. */
  readonly upSince: number | undefined;
  /** How often the place got another process since it was started. */
  readonly restarts: number;
  /** What it has in memory; undefined where the system does not tell, and for threads. */
  readonly memoryBytes: number | undefined;
  /** How much of one processor it used in the last second: 1 is all of one. Undefined as `memoryBytes`. */
  readonly cpu: number | undefined;
  /** Requests to it in the last second, those through services too. */
  readonly requestsPerSecond: number;
}

/**
 * Why a process is down: `stopped`, `restarted` or `scaled` as it was asked for; `rest-for-one`, as one it comes after died; `memory`, as
 * it had too much; `not-ready`, as it was not in time; `died`, by itself.
 */
export type DownReason = 'stopped' | 'restarted' | 'scaled' | 'rest-for-one' | 'memory' | 'not-ready' | 'died';

export interface FleetEvents {
  /** It is ready. */
  up(process: FleetProcess): void;
  /** It has ended, also where it never was ready; `exitCode` and `signal` are what the system says. */
  down(process: FleetProcess, reason: DownReason, exitCode: number | null, signal: NodeJS.Signals | null): void;
  /** It died so often that its place is left empty. */
  givenUp(process: FleetProcess): void;
  /** A line that it printed, of groups with `output: 'prefix'`. */
  line(process: FleetProcess, line: string, stream: 'stdout' | 'stderr'): void;
}
