/** What methods of an object that is offered with `context: true` get as their last argument. */
export interface CallContext<Peer = unknown> {
  /** Who calls: a user's number in a channel, the `Connection` or the `Client` on the bus. */
  readonly peer: Peer;
  /** Fires when the caller stops waiting, or is gone. */
  readonly signal: AbortSignal;
  /** Milliseconds the caller will still wait; undefined: no limit. */
  readonly deadline: number | undefined;
}

/** A call that came. */
export interface CallRequest extends CallContext {
  /** As in `LaneRequestContext`; never of a call that has no answer. */
  whenUnsent(hook: () => void): void;
}

/** Of calls that have no answer: nobody gives those up while both sides are there. */
export class OneWayContext<Peer> implements CallRequest {
  readonly peer: Peer;
  readonly deadline: undefined;
  #controller: AbortController | undefined;
  #over: unknown;

  constructor(peer: Peer) {
    this.peer = peer;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#over !== undefined) this.#controller.abort(this.#over);
    return this.#controller.signal;
  }

  whenUnsent(): void {}

  /** The peer is gone. */
  abort(reason: unknown): void {
    this.#over = reason;
    this.#controller?.abort(reason);
  }
}
