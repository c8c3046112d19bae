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
export type Authorize<P = unknown> = (payload: P, applicant: Applicant) => boolean | PromiseLike<boolean>;
