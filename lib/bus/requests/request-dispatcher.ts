import { BusError } from '../../base/errors.ts';
import { systemClock } from '../../base/system-clock.ts';
import type { Sendable } from '../contract.ts';
import type { BugReport, IncomingRequest } from './incoming.ts';
import type { PeerHandle } from '../plugin.ts';

/** What a handler is told beside the request. */
export interface Context<Peer = PeerHandle> {
  /** Who asks: the `Connection` on a server, the `Client` itself on a client. */
  readonly peer: Peer;
  /** Fires when the requester stopped waiting, or its session has ended. */
  readonly signal: AbortSignal;
  /** Milliseconds the requester will still wait; undefined: no limit. */
  readonly deadline: number | undefined;
  /** Of a durable request: its key, or its name where it was asked without one. */
  readonly key?: string;
  /** Of a durable request: whether a handler may have had it before, in a process that ended meanwhile. */
  readonly redelivered?: boolean;
}

/** Returns or resolves with the answer; what it throws becomes the requester's rejection, with its code. */
export type Handler<Request, Response, Peer = PeerHandle> = (
  request: Request,
  context: Context<Peer>,
) => Sendable<Response> | Promise<Sendable<Response>>;

/**
 * Answers a request. Rejects if it was answered before (`ERR_STATE`), if the session of the requester has ended
 * (`ERR_CLOSED`), or if the answer cannot be sent (`ERR_UNENCODABLE`, `ERR_TOO_LARGE`, or `ERR_QUEUE_FULL` while too
 * many others wait): then the requester gets the error, unless another answer follows in the same turn. An unhandled
 * rejection is harmless.
 */
export interface Respond<Response, Peer = PeerHandle> {
  (response?: Sendable<Response>): Promise<void>;
  readonly context: Context<Peer>;
}

/**
 * Passes the user's requests to the handler, otherwise to the `request` listeners, otherwise answers that there is no
 * handler.
 */
export class RequestDispatcher {
  #handler: Handler<unknown, unknown> | undefined;
  readonly #hasListeners: () => boolean;
  readonly #bug: BugReport;
  /** Whose the respond functions are that listeners were given. */
  readonly #requests = new WeakMap<object, IncomingRequest>();

  /** `bug` learns of what handlers and listeners throw by mistake. */
  constructor(hasListeners: () => boolean, bug: BugReport) {
    this.#hasListeners = hasListeners;
    this.#bug = bug;
  }

  /** Answers by `handler` from now on. Throws `ERR_INVALID_ARGUMENT` for anything but a function or `undefined`. */
  handle(handler: Handler<unknown, unknown> | undefined): void {
    if (handler !== undefined && typeof handler !== 'function') {
      throw new BusError('ERR_INVALID_ARGUMENT', 'handle needs a function');
    }
    this.#handler = handler;
  }

  /** Whether somebody answers. */
  get isHandled(): boolean {
    return this.#handler !== undefined || this.#hasListeners();
  }

  /** `fire` emits the `request` event. */
  take(request: IncomingRequest, data: unknown, fire: (data: unknown, respond: Respond<unknown>) => void): void {
    const handler = this.#handler;
    if (handler !== undefined) {
      request.run(() => handler(data, request), this.#bug);
    } else if (this.#hasListeners()) {
      const respond = Object.assign((response?: unknown) => reply(request, response), { context: request });
      this.#requests.set(respond, request);
      fire(data, respond);
    } else {
      request.fail(new BusError('ERR_NO_HANDLER'));
    }
  }

  /** A `request` listener that was given `respond` threw or rejected: so does the request. */
  listenerFailed(respond: unknown, error: unknown): void {
    const request = typeof respond === 'function' ? this.#requests.get(respond) : undefined;
    if (request === undefined) this.#bug(error);
    else request.threw(error, this.#bug);
  }
}

function reply(request: IncomingRequest, response: unknown): Promise<void> {
  try {
    request.reply(response);
    return Promise.resolve();
  } catch (error) {
    // Whoever waits for it may answer otherwise, within the turn.
    systemClock.defer(() => request.fail(error));
    const failed = Promise.reject(error);
    failed.catch(() => {});
    return failed;
  }
}
