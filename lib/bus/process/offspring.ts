import type { ChildProcess } from 'node:child_process';
import type { Worker, WorkerOptions } from 'node:worker_threads';
import { type Clock, longestTimerMs } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { textOf } from '../../base/thrown.ts';
import { withinTime } from '../../base/wait.ts';
import type { ChildOptions } from '../../transport/child.ts';
import type { Link } from '../../transport/link.ts';
import type { Offspring } from '../../transport/offspring.ts';
import type { Contract, Untyped } from '../contract.ts';
import type { Connection } from '../server/connection.ts';

/** Further settings of starting a process or thread with a link. */
export interface ReadySettings {
  /** Time that its client has to connect. Default: 30,000 ms. */
  readonly readyTimeoutMs?: number | undefined;
}

/** Settings of `Server.spawn`: those of `child_process.spawn`, and these; the default of `stdio` is `inherit`. */
export interface SpawnSettings extends ChildOptions, ReadySettings {}

/** Settings of `Server.thread`: those of `new Worker`, and these. */
export interface ThreadSettings extends WorkerOptions, ReadySettings {}

/** A process that a server started, and its client. */
export interface Spawned<C extends Contract = Untyped> {
  readonly child: ChildProcess;
  readonly connection: Connection<C>;
}

/** A thread that a server started, and its client. */
export interface Threaded<C extends Contract = Untyped> {
  readonly worker: Worker;
  readonly connection: Connection<C>;
}

/** The settings without the time, and the time. @throws BusError `ERR_INVALID_ARGUMENT`. */
export function readySettings<Settings extends ReadySettings>(
  file: unknown,
  settings: Settings,
): { readonly options: Omit<Settings, 'readyTimeoutMs'>; readonly readyTimeoutMs: number } {
  if (!(file instanceof URL) && (typeof file !== 'string' || file === '')) {
    throw new BusError('ERR_INVALID_ARGUMENT', 'The file to start must be a path or a file: URL');
  }
  if (typeof settings !== 'object' || settings === null) {
    throw new BusError('ERR_INVALID_ARGUMENT', 'The options of a process or thread must be an object');
  }
  const { readyTimeoutMs = 30_000, ...options } = settings;
  if (!Number.isInteger(readyTimeoutMs) || readyTimeoutMs < 1 || readyTimeoutMs > longestTimerMs) {
    throw new BusError('ERR_INVALID_ARGUMENT', `readyTimeoutMs must be an integer from 1 to ${longestTimerMs}`);
  }
  return { options, readyTimeoutMs };
}

/** How long after a link that was lost the system may take to tell that what was at its other end has ended. */
const endToldMs = 250;

/**
 * Resolves with the connection of the client in what was started, as `take` does with its link. Rejects with `ERR_SPAWN` when that fails, or
 * when it ends before; what was started is ended then.
 */
export async function readyConnection<Connection>(
  offspring: Offspring,
  name: string,
  clock: Clock,
  take: (link: Link) => Promise<Connection>,
): Promise<Connection> {
  let ended: BusError | undefined;
  const over = offspring.over.then(({ how, cause }) => {
    ended = new BusError('ERR_SPAWN', `${name} ${how} before its client had connected`, { cause });
    throw ended;
  });
  try {
    const connection = await Promise.race([take(offspring.link), over]);
    offspring.release();
    return connection;
  } catch (error) {
    if (error instanceof BusError && error.code === 'ERR_CONNECT') await withinTime(clock, endToldMs, over);
    offspring.end();
    offspring.link.destroy();
    throw (
      ended ?? new BusError('ERR_SPAWN', `The client of ${name} did not connect: ${textOf(error)}`, { cause: error })
    );
  }
}
