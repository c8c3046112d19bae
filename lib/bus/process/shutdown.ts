import { constants } from 'node:os';
import process from 'node:process';
import { longestTimerMs } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { checkSettings, checkSwitch } from '../../base/options.ts';
import { systemClock } from '../../base/system-clock.ts';
import { textOf } from '../../base/thrown.ts';
import { withinTime } from '../../base/wait.ts';
import { Server } from '../server/server.ts';

/** What can be closed: servers, clients, what has `close()` or `Symbol.asyncDispose`, or a function that does it. */
export type Closable = AsyncDisposable | { close(): unknown } | (() => unknown);

export interface ShutdownSettings {
  /** Servers hand their clients over to the next server at their address: `close(true)`. */
  readonly reload?: boolean | undefined;
  /** How long all of it may take; by default 10,000 ms. */
  readonly deadlineMs?: number | undefined;
}

/**
 * At the first of `signals`, closes what it is given, one after the other, and ends the process: with exit code 0, or 1 where something
 * failed or the deadline passed, which is a warning of the process. At the second one ends it at once, with 128 and the number of
 * the signal. The settings stand last. Returns how to listen no more.
 * @throws BusError `ERR_INVALID_ARGUMENT`.
 */
export function shutdownOn(
  signals: string | readonly string[],
  ...given: readonly (Closable | ShutdownSettings)[]
): () => void {
  const last = given.at(-1);
  const settings = last === undefined || isClosable(last) ? {} : last;
  const { reload, deadlineMs } = checked(settings);
  const closables = settings === last ? given.slice(0, -1) : given;
  if (!closables.every(isClosable))
    throw invalid('shutdownOn needs closable objects or functions, and { reload, deadlineMs } last');
  let isGoingDown = false;
  const heard = (signal: NodeJS.Signals): void => {
    if (isGoingDown) process.exit(128 + constants.signals[signal]);
    isGoingDown = true;
    void closeAll(closables, reload, deadlineMs).then((isDone) => {
      // A warning is told a little later.
      setImmediate(() => process.exit(isDone ? 0 : 1));
    });
  };
  const names = typeof signals === 'string' ? [signals] : [...signals];
  const stop = (): void => {
    for (const name of names) process.off(name, heard);
  };
  try {
    for (const name of names) {
      if (!Object.hasOwn(constants.signals, name)) throw new Error(`There is no signal ${name}`);
      process.on(name as NodeJS.Signals, heard);
    }
  } catch (error) {
    stop();
    throw new BusError('ERR_INVALID_ARGUMENT', `shutdownOn cannot wait: ${textOf(error)}`, { cause: error });
  }
  return stop;
}

function checked(settings: ShutdownSettings): { readonly reload: boolean; readonly deadlineMs: number } {
  checkSettings('shutdownOn takes', ['reload', 'deadlineMs'], settings);
  const { reload = false, deadlineMs = 10_000 } = settings;
  checkSwitch('reload', reload);
  if (!Number.isInteger(deadlineMs) || deadlineMs < 0 || deadlineMs > longestTimerMs) {
    throw invalid(`deadlineMs must be an integer from 0 to ${longestTimerMs}`);
  }
  return { reload, deadlineMs };
}

function isClosable(value: unknown): value is Closable {
  if (typeof value === 'function') return true;
  return typeof value === 'object' && value !== null && (Symbol.asyncDispose in value || 'close' in value);
}

/** Whether all were closed in time, and without an error. */
async function closeAll(closables: readonly Closable[], reload: boolean, deadlineMs: number): Promise<boolean> {
  let closed = 0;
  let failed = 0;
  const closing = (async () => {
    for (const closable of closables) {
      try {
        await close(closable, reload);
      } catch (error) {
        failed += 1;
        process.emitWarning(error instanceof Error ? error : String(error));
      }
      closed += 1;
    }
  })();
  await withinTime(systemClock, deadlineMs, closing);
  if (closed < closables.length) {
    process.emitWarning(
      `shutdownOn: ${closables.length - closed} of ${closables.length} not closed in ${deadlineMs} ms`,
    );
  }
  return closed === closables.length && failed === 0;
}

async function close(closable: Closable, reload: boolean): Promise<void> {
  if (typeof closable === 'function') {
    await closable();
    return;
  }
  if (reload && closable instanceof Server) await closable.close(true);
  if (Symbol.asyncDispose in closable) await closable[Symbol.asyncDispose]();
  else await closable.close();
}

function invalid(message: string): BusError {
  return new BusError('ERR_INVALID_ARGUMENT', message);
}
