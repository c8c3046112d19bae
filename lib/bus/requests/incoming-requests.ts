import { RequestTable } from '#request-tables';
import type { Clock } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { tooMuch } from '../../session/backlog.ts';
import type { Session } from '../../session/session.ts';
import type { Settled } from '../../session/operations.ts';
import type { Traffic } from '../../session/traffic.ts';
import type { RemoteFailure, RequestId } from '../../wire/frames.ts';
import { Handling } from '../../base/handling.ts';
import { type Answerer, IncomingRequest } from './incoming.ts';
import type { PeerHandle } from '../plugin.ts';

/** How many times `maxUnackedBytes` may be owed before what was begun is answered by `tooMuch`. */
const mostAnswers = 4;

/** Whose requests they are. */
export interface IncomingOwner {
  readonly handle: PeerHandle;
  readonly session: Session | undefined;
  readonly traffic?: Traffic | undefined;
  /** A request was settled, one way or the other. */
  settled(): void;
}

interface IncomingOptions {
  readonly clock: Clock;
  readonly maxUnackedBytes: number;
  /** How many may wait at once. */
  readonly maxOpenRequests: number;
  /** Whether `details` of errors travel to the peer. */
  readonly exposeErrorDetails: boolean;
}

/** The peer's requests that wait for their handlers. */
export class IncomingRequests implements Answerer {
  readonly #owner: IncomingOwner;
  readonly #options: IncomingOptions;
  readonly #open = new RequestTable<IncomingRequest>();
  running = 0;
  /** When a request was answered last. */
  #answeredAt = 0;

  constructor(owner: IncomingOwner, options: IncomingOptions) {
    this.#owner = owner;
    this.#options = options;
  }

  get handle(): PeerHandle {
    return this.#owner.handle;
  }

  get open(): number {
    return this.#open.size;
  }

  now(): number {
    return this.#options.clock.now();
  }

  /** A request that came at `heardAt`, on the clock of the bus; undefined where nobody is to handle it. */
  begin(
    id: RequestId,
    lane: string,
    timeoutMs: number | undefined,
    heardAt: number,
    follower?: Settled | null,
  ): IncomingRequest | undefined {
    const expiresAt = timeoutMs === undefined ? Number.POSITIVE_INFINITY : heardAt + timeoutMs;
    const begunAt = this.#lately();
    if (expiresAt <= begunAt) {
      follower?.({ error: new BusError('ERR_TIMEOUT', 'The time of the request has passed') });
      return undefined;
    }
    return this.#begin(new IncomingRequest(this, lane, id, expiresAt, begunAt), follower);
  }

  /** What answers message `id` once it was handled; undefined where nobody is to handle it. */
  handling(id: RequestId, lane: string, follower?: Settled | null): Handling | undefined {
    const request = this.#begin(new IncomingRequest(this, lane, id, Number.POSITIVE_INFINITY), follower);
    if (request === undefined) return undefined;
    this.running += 1;
    return new Handling((handlers, failure) => {
      this.running -= 1;
      if (failure !== undefined) request.fail(failure.error);
      else if (handlers === 0) request.fail(new BusError('ERR_NO_HANDLER', 'The peer has no listener for messages'));
      else request.finish(undefined);
    });
  }

  /** The requester cancelled the request. */
  cancelled(id: RequestId): void {
    this.#open.get(id)?.cancel(new BusError('ERR_ABORTED', 'The requester cancelled the request'));
    this.#forget(id);
  }

  /** The session is over: nobody will hear an answer. */
  cancelAll(reason: BusError): void {
    for (const request of this.#open.clear()) request.abandon(reason);
  }

  answer(request: IncomingRequest, data: unknown): void {
    const { lane, id } = request;
    // Its failure is told instead.
    if (!this.#mayAnswer(lane)) throw new BusError(tooMuch.code, tooMuch.message);
    this.#owner.session?.respond(lane, id, data);
    this.#took(request);
    this.#forget(id);
  }

  answerFailure(request: IncomingRequest, failure: RemoteFailure): void {
    const { lane, id } = request;
    this.#tell(lane, id, this.#mayAnswer(lane) ? failure : tooMuch);
    this.#took(request);
    this.#forget(id);
  }

  #begin(request: IncomingRequest, follower: Settled | null | undefined): IncomingRequest | undefined {
    if (follower) request.settled = follower;
    const isFull = Math.max(this.open, this.running) >= this.#options.maxOpenRequests;
    this.#open.add(request);
    if (!isFull) return request;
    request.fail(new BusError('ERR_QUEUE_FULL', 'Too many requests and confirmed messages are being handled'));
    return undefined;
  }

  /**
   * What time it is. To ask the clock costs as much as the rest of what is done for a request: of those that are read together
   * each begins when the one before it was answered, if that has been.
   */
  #lately(): number {
    const since = this.#owner.session?.readingSince;
    return since === undefined ? this.#options.clock.now() : Math.max(since, this.#answeredAt);
  }

  #took({ begunAt }: IncomingRequest): void {
    if (begunAt === 0) return;
    this.#answeredAt = this.#options.clock.now();
    this.#owner.traffic?.handled(this.#answeredAt - begunAt);
  }

  #mayAnswer(lane: string): boolean {
    const { session } = this.#owner;
    return session !== undefined && session.pendingBytesOf(lane) < mostAnswers * this.#options.maxUnackedBytes;
  }

  /** Details that cannot be encoded, or a text that is too long, must not cost the requester its answer. */
  #tell(lane: string, id: RequestId, failure: RemoteFailure): void {
    const { code, message } = failure;
    const short = { code: code.slice(0, 64), message: message.slice(0, 200) };
    for (const told of [this.#options.exposeErrorDetails ? failure : { code, message }, { code, message }, short]) {
      try {
        this.#owner.session?.fail(lane, id, told);
        return;
      } catch {
        // The next one is shorter; what is least fits into any frame.
      }
    }
  }

  #forget(id: RequestId): void {
    this.#open.delete(id);
    this.#owner.settled();
  }
}
