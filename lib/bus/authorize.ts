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

/** What it means that a permission callback threw or rejected: no, not now, or nothing, as it failed by mistake. */
export type Refusal = 'no' | 'not now' | 'failed';

const refusing: ReadonlySet<unknown> = new Set(['ERR_UNAUTHORIZED', 'ERR_REFUSED']);
/** What the language throws by itself; a plain `Error` and classes of the user's are meant. */
const native = [TypeError, RangeError, ReferenceError, SyntaxError, EvalError, URIError, AggregateError];

/** A code comes from a system, a driver or another peer, which decide nothing about a client. */
export function refusalOf(cause: unknown): Refusal {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  if (code === 'ERR_UNAVAILABLE') return 'not now';
  if (code !== undefined && code !== null) return refusing.has(code) ? 'no' : 'failed';
  return native.some((kind) => cause instanceof kind) ? 'failed' : 'no';
}
