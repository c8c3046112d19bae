import { codeOf } from '../../base/thrown.ts';
import { BusError } from '../../base/errors.ts';
import { toFailure } from '../../base/failure.ts';
import { isThenable } from '../../base/handling.ts';
import type { Settled } from '../../session/operations.ts';
import type { RemoteFailure, RequestId } from '../../wire/frames.ts';
import type { PeerHandle } from '../lane.ts';

/** Who sends the answer of an incoming request. */
export interface Answerer<Requester = PeerHandle> {
  readonly handle: Requester;
  /** How many handlers continue, those too that nobody waits for any more. */
  running: number;
  /** Milliseconds, on the clock of the bus. */
  now(): number;
  /** Throws what the encoder throws; calls `unsent` of an answer that fails later. */
  answer(request: IncomingRequest<Requester>, data: unknown): void;
  answerFailure(request: IncomingRequest<Requester>, failure: RemoteFailure): void;
}

/** Learns of what a callback threw by mistake. */
export type BugReport<Requester = PeerHandle> = (error: unknown, peer?: Requester) => void;

/** A request that waits for its handler; it is also the context the handler gets. */
export class IncomingRequest<Requester = PeerHandle> {
  readonly lane: string;
  readonly id: RequestId;
  /** When it was begun, on the clock of the bus; 0 where that is not asked for. */
  readonly begunAt: number;
  readonly #answerer: Answerer<Requester>;
  readonly #expiresAt: number;
  #controller: AbortController | undefined;
  #settled = false;
  #cancelled: BusError | undefined;
  #unsent: (() => void)[] | undefined;
  #abandoned = false;
  /** Hears what becomes of it, if somebody follows that. */
  settled: Settled | undefined;

  /** `expiresAt`: when the requester stops waiting, on the clock of the bus; Infinity: never. */
  constructor(answerer: Answerer<Requester>, lane: string, id: RequestId, expiresAt: number, begunAt = 0) {
    this.lane = lane;
    this.id = id;
    this.begunAt = begunAt;
    this.#answerer = answerer;
    this.#expiresAt = expiresAt;
  }

  /** Who asked. */
  get peer(): Requester {
    return this.#answerer.handle;
  }

  /** Fires when the requester stopped waiting, or when its session has ended. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#cancelled !== undefined) this.#controller.abort(this.#cancelled);
    return this.#controller.signal;
  }

  /** Milliseconds the requester will still wait; undefined: no limit. */
  get deadline(): number | undefined {
    if (this.#expiresAt === Number.POSITIVE_INFINITY) return undefined;
    return Math.max(0, Math.round(this.#expiresAt - this.#answerer.now()));
  }

  /**
   * Answers. Has no effect after the requester stopped waiting. @throws BusError `ERR_CLOSED` after the requester's
   * session has ended, `ERR_STATE` the second time, or what the encoder throws; the request can then still be answered.
   */
  reply(data: unknown): void {
    if (this.#abandoned) throw new BusError('ERR_CLOSED', 'The session of the requester has ended');
    if (this.#cancelled !== undefined) return;
    if (this.#settled) throw new BusError('ERR_STATE', 'The request was answered already');
    this.#answerer.answer(this, data);
    this.#settled = true;
    this.settled?.(undefined, data);
  }

  /** Answers with an error, unless it was answered before. */
  fail(error: unknown): void {
    if (this.#settled || this.#cancelled !== undefined) return;
    this.#settled = true;
    this.unsent();
    this.#answerer.answerFailure(this, toFailure(error));
    this.settled?.({ error });
  }

  /** Runs `handler` and answers with what it returns, resolves to, or fails with; `bug` as for `threw`. */
  run(handler: () => unknown, bug: BugReport<Requester>): void {
    try {
      const result = handler();
      if (isThenable(result)) {
        const answerer = this.#answerer;
        answerer.running += 1;
        result.then(
          (value) => {
            answerer.running -= 1;
            this.finish(value);
          },
          (error: unknown) => {
            answerer.running -= 1;
            this.threw(error, bug);
          },
        );
      } else {
        this.finish(result);
      }
    } catch (error) {
      this.threw(error, bug);
    }
  }

  /** Answers with what its handler or listener threw; `bug` learns of what is not an answer: without a code, or after one. */
  threw(error: unknown, bug: BugReport<Requester>): void {
    const isAnswer = codeOf(error) !== undefined && !this.#settled;
    this.fail(error);
    if (!isAnswer) bug(error, this.peer);
  }

  /** The requester does not want an answer any more. */
  cancel(reason: BusError): void {
    if (this.#settled) return;
    this.#cancelled = reason;
    this.#controller?.abort(reason);
    this.unsent();
    this.settled?.({ error: reason });
  }

  /** As `LaneRequestContext` says. */
  whenUnsent(hook: () => void): void {
    if (this.#cancelled === undefined) (this.#unsent ??= []).push(hook);
    else hook();
  }

  /** The answer did not go out after all. */
  unsent(): void {
    const hooks = this.#unsent;
    this.#unsent = undefined;
    for (const hook of hooks ?? []) hook();
  }

  /** Nobody will hear an answer. */
  abandon(reason: BusError): void {
    this.cancel(reason);
    this.#abandoned = !this.#settled;
  }

  /** Answers with `value`, or with why that cannot be sent; does nothing where nobody waits. */
  finish(value: unknown): void {
    if (this.#settled) return;
    try {
      this.reply(value);
    } catch (error) {
      this.fail(error);
    }
  }
}
