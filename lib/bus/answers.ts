import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import type { MessageFrame, RemoteFailure, RequestFrame, RequestId } from '../wire/frames.ts';
import { Handling } from '../base/handling.ts';
import { type Answerer, IncomingRequest } from './incoming.ts';
import type { PeerOwner } from './peer-owner.ts';
import type { PeerHandle } from './plugin.ts';
import { RequestTable } from './request-table.ts';

const tooMuch: RemoteFailure = { code: 'ERR_QUEUE_FULL', message: 'Too many answers wait to be taken' };

/** How many times `maxUnackedBytes` may be owed before what was begun is answered by `tooMuch`. */
const mostAnswers = 4;

/** Who carries the answers to the peer. */
export interface AnswerCarrier {
  readonly handle: PeerHandle;
  respond(lane: string, id: RequestId, data: unknown): void;
  failure(lane: string, id: RequestId, failure: RemoteFailure): void;
  /** Whether less than so many times `maxUnackedBytes` is under way to the peer. */
  mayAnswer(lane: string, windows: number): boolean;
  /** A request was settled, one way or the other. */
  settled(): void;
}

/** The peer's requests that wait for their handlers. */
export class Answers implements Answerer {
  readonly #carrier: AnswerCarrier;
  readonly #clock: Clock;
  readonly #maxOpen: number;
  readonly #exposeDetails: boolean;
  readonly #open = new RequestTable<IncomingRequest>();

  /** `maxOpen`: how many may wait at once; `exposeDetails`: whether `details` of errors travel to the peer. */
  constructor(carrier: AnswerCarrier, clock: Clock, maxOpen: number, exposeDetails: boolean) {
    this.#maxOpen = maxOpen;
    this.#carrier = carrier;
    this.#clock = clock;
    this.#exposeDetails = exposeDetails;
  }

  get handle(): PeerHandle {
    return this.#carrier.handle;
  }

  get open(): number {
    return this.#open.size;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Hands a request to `owner`, unless its requester has given up by now; `heardAt`: when it came, on the clock of the bus. */
  begin({ id, data, timeoutMs }: RequestFrame, lane: string, heardAt: number, owner: PeerOwner): void {
    const expiresAt = timeoutMs === undefined ? Number.POSITIVE_INFINITY : heardAt + timeoutMs;
    if (timeoutMs !== undefined && expiresAt <= this.#clock.now()) return;
    const request = new IncomingRequest(this, lane, id, expiresAt);
    if (this.#mayBegin(request)) owner.request(request, data);
  }

  /** Hands out a message, and answers once it was handled if its sender waits for that. */
  hand({ id, data, size }: MessageFrame, lane: string, owner: PeerOwner): void {
    if (id === undefined) {
      owner.message(lane, data, size);
      return;
    }
    const request = new IncomingRequest(this, lane, id, Number.POSITIVE_INFINITY);
    if (!this.#mayBegin(request)) return;
    const handling = new Handling((handlers, failure) => {
      if (failure !== undefined) request.fail(failure.error);
      else if (handlers === 0) request.fail(new BusError('ERR_NO_HANDLER', 'Nobody there listens to messages'));
      else request.finish(undefined);
    });
    owner.message(lane, data, size, handling);
    handling.done();
  }

  /** The requester gave up. */
  cancelled(id: RequestId): void {
    this.#open.get(id)?.cancel(new BusError('ERR_ABORTED', 'The requester gave up'));
    this.#forget(id);
  }

  /** The session is over: nobody will hear an answer. */
  cancelAll(reason: BusError): void {
    for (const request of this.#open.clear()) request.abandon(reason);
  }

  answer(request: IncomingRequest, data: unknown): void {
    const { lane, id } = request;
    // Its failure is told instead.
    if (!this.#carrier.mayAnswer(lane, mostAnswers)) throw new BusError(tooMuch.code, tooMuch.message);
    this.#carrier.respond(lane, id, data);
    this.#forget(id);
  }

  answerFailure({ lane, id }: IncomingRequest, failure: RemoteFailure): void {
    this.#tell(lane, id, this.#carrier.mayAnswer(lane, mostAnswers) ? failure : tooMuch);
    this.#forget(id);
  }

  /** Answers what is not begun. */
  refuse(id: RequestId, lane: string): void {
    this.#tell(lane, id, tooMuch);
  }

  #mayBegin(request: IncomingRequest): boolean {
    const isFull = this.open >= this.#maxOpen;
    this.#open.add(request);
    if (isFull)
      request.fail(new BusError('ERR_QUEUE_FULL', 'Too many requests and confirmed messages are being handled'));
    return !isFull;
  }

  /** Details that cannot be encoded, or a text that is too long, must not cost the requester its answer. */
  #tell(lane: string, id: RequestId, failure: RemoteFailure): void {
    const { code, message } = failure;
    const short = { code: code.slice(0, 64), message: message.slice(0, 200) };
    for (const told of [this.#exposeDetails ? failure : { code, message }, { code, message }, short]) {
      try {
        this.#carrier.failure(lane, id, told);
        return;
      } catch {
        // The next one is shorter; what is least fits into any frame.
      }
    }
  }

  #forget(id: RequestId): void {
    this.#open.delete(id);
    this.#carrier.settled();
  }
}
