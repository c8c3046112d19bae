import type { Clock } from './clock.ts';
import { BusError } from './errors.ts';
import { textOf } from './thrown.ts';
import { inTime } from './wait.ts';

/**
 * Asks a permission callback. Only `true`, or a promise of it, permits. Rejects with what the callback throws or rejects
 * with, and `ERR_UNAVAILABLE` where it has not decided within `ms`; both refuse too.
 */
export async function permits(ask: () => unknown, clock: Clock, ms: number): Promise<boolean> {
  const late = (): BusError => new BusError('ERR_UNAVAILABLE', 'The decision came too late');
  const verdict = await inTime({ clock, ms, background: true }, Promise.resolve().then(ask), late);
  return verdict === true;
}

const refusing: ReadonlySet<unknown> = new Set(['ERR_UNAUTHORIZED', 'ERR_REFUSED']);
/** What the language throws by itself; a plain `Error` and classes of the user's are meant. */
const native = [TypeError, RangeError, ReferenceError, SyntaxError, EvalError, URIError, AggregateError];

/**
 * What who asked is told when a permission callback threw or rejected: `ERR_UNAUTHORIZED`, or `ERR_UNAVAILABLE` where it
 * cannot decide now. So it is where the callback failed by mistake, of which `bug` hears: by an error of the language's, or
 * one with a code, which is a system's, a driver's or another peer's and decides nothing.
 */
export function refusalError(cause: unknown, bug: (error: BusError) => void): BusError {
  const text = cause instanceof Error || typeof cause === 'string' ? textOf(cause) : undefined;
  const code = codeIn(cause);
  if (code === 'ERR_UNAVAILABLE') return new BusError(code, text);
  const decides = code === undefined ? !native.some((kind) => cause instanceof kind) : refusing.has(code);
  if (decides) return new BusError('ERR_UNAUTHORIZED', text);
  bug(new BusError('ERR_LISTENER', textOf(cause), { cause }));
  return new BusError('ERR_UNAVAILABLE');
}

/** Of any type, since drivers number theirs; one that throws when it is asked decides nothing. */
function codeIn(cause: unknown): unknown {
  try {
    return typeof cause === 'object' && cause !== null && 'code' in cause ? (cause.code ?? undefined) : undefined;
  } catch (error) {
    return error ?? null;
  }
}
