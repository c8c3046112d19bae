import { BusError } from '../base/errors.ts';
import { textOf } from '../base/text-of.ts';

/** What is known of a client that wants in. */
export interface Applicant {
  /** An IP address for tcp and tls, the path or name else. */
  readonly remoteAddress: string;
  readonly linkKind: string;
  /** The platform's socket, for example for its TLS certificate. */
  readonly socket: unknown;
}

/**
 * Decides whether a client may connect, by the payload it gave to `connect()`. `true` admits it; anything else, a throw or
 * a rejection refuses it. A `BusError` `ERR_UNAVAILABLE` refuses it for now, and it comes back; so do mistakes: errors of
 * the language's own, and those with the code of a system or a driver.
 */
export type Authorize = (payload: unknown, applicant: Applicant) => boolean | PromiseLike<boolean>;

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
