import type { Clock } from '../../../base/clock.ts';
import type { Reason } from '../reason.ts';

/** The key under which an end hands its calls to busbar/rpc. */
export const callPort: unique symbol = Symbol('busbar.callPort');

/** What busbar/rpc learns of one end; `user` is 0 at a user's end. */
export interface CallListener {
  /** A call frame of a bus peer. */
  call(user: number, body: Uint8Array): void;
  /** A chunk of a joint peer, when the end's mode is `remote`. A throw is answered with `MALICIOUS`. */
  chunk(user: number, bytes: Uint8Array): void;
  opened(user: number, joint: boolean): void;
  gone(user: number, reason: Reason): void;
}

/** How busbar/rpc uses a channel end. */
export interface CallPort {
  /** True at an owner's end, where calls go to one of many users. */
  readonly many: boolean;
  readonly clock: Clock;
  /** Those at the peer now. */
  readonly others: Iterable<{ readonly user: number; readonly joint: boolean }>;
  readonly closed: Reason | undefined;
  send(user: number, body: Uint8Array): Promise<void>;
  sendChunk(user: number, bytes: Uint8Array): Promise<void>;
  /** From now on calls go to `listener`, those that came before first; `joint` claims the bytes of joint peers too. */
  attach(listener: CallListener): void;
  /** Reads what joint peers send as remote calls. */
  claimStreams(): void;
  /** A method or a callback of the user's failed where nobody waits for its answer. */
  report(error: unknown): void;
  /** The peer sent what no correct peer sends. */
  suspicious(user: number): void;
  /** Raises `remote`: a joint peer announced an object. */
  announced(user: number, remote: number): void;
}

export interface HasCallPort {
  readonly [callPort]: CallPort;
}
