import { BodyPacker, BodyReader, packPlain, roomBytes } from '#codec';
import { allocate } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { type RemoteFailure, toFailure } from '../../base/failure.ts';
import { sendOrFail } from '../../session/send-queue.ts';
import { leastCost } from '../../wire/codec/body-cost.ts';
import { type AskOptions, askOptions } from '../call-settings.ts';
import { type Answerer, IncomingRequest } from './incoming.ts';
import type { LaneRequestContext } from '../lane.ts';
import { PendingRequests } from './pending-requests.ts';

/** Carries requests and answers to the peer. Each method may throw or reject with an error of the encoder. */
export interface RequestCarrier {
  /** `timeoutMs`: how long the requester waits for the answer; undefined: no limit. */
  request(id: number, data: unknown, timeoutMs: number | undefined): Promise<unknown>;
  answer(id: number, data: unknown): Promise<unknown>;
  failure(id: number, failure: RemoteFailure): Promise<unknown>;
  /** The answer is not wanted any more. */
  cancel(id: number): Promise<unknown>;
}

/** As the context of a request on a lane; `peer` has the type of the carrier. */
export interface MessageRequestContext<Peer> extends Omit<LaneRequestContext, 'peer'> {
  readonly peer: Peer;
}

export interface MessageRequestSettings {
  /** Milliseconds. Default: 10,000; 0 means no timeout. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const names = ['timeout', 'signal'];

export interface MessageRequestsOptions<Peer> {
  readonly clock: Clock;
  /** The peer, for handlers here. */
  readonly peer: Peer;
  readonly carrier: RequestCarrier;
  /** Gets the errors of a handler that have no code. */
  report(error: unknown): void;
  /** Gets an answer that arrives after its request was cancelled. */
  readonly unclaimed?: ((answer: unknown) => void) | undefined;
}

/**
 * Requests in both directions over something that carries only messages, such as a channel. As on a lane, each settles
 * by its answer, a failure, its timeout, its signal or the end, and the handler learns when nobody waits any more. The
 * carrier has to keep the order and must not lose messages.
 */
export class MessageRequests<Peer> {
  readonly #clock: Clock;
  readonly #carrier: RequestCarrier;
  readonly #report: (error: unknown) => void;
  /** For requests without options. */
  readonly #usual: AskOptions;
  readonly #asked: PendingRequests;
  readonly #answerer: Answerer<Peer>;
  /** Requests of the peer that are being answered. */
  readonly #running = new Map<number, IncomingRequest<Peer>>();

  constructor({ clock, peer, carrier, report, unclaimed }: MessageRequestsOptions<Peer>) {
    this.#clock = clock;
    this.#carrier = carrier;
    this.#report = report;
    this.#usual = { ...askOptions(undefined, 10_000), unclaimed };
    this.#asked = new PendingRequests(clock, {
      maySend: () => true,
      queue: sendOrFail,
      cancel: (_lane, id) => void carrier.cancel(id).catch(ignore),
      settled: ignore,
    });
    this.#answerer = {
      handle: peer,
      running: 0,
      now: () => clock.now(),
      answer: (request, data) => this.#answer(request, data),
      answerFailure: (request, failure) => this.#fail(request, failure),
    };
  }

  /**
   * Sends a request. Rejects with the failure that comes as an answer, `ERR_TIMEOUT` (default: after 10 s),
   * `ERR_ABORTED`, or the error of the carrier.
   * @throws BusError `ERR_INVALID_ARGUMENT` for invalid options.
   */
  request(data: unknown, options?: MessageRequestSettings): Promise<unknown> {
    const { unclaimed } = this.#usual;
    const ask = options === undefined ? this.#usual : { ...askOptions(options, 10_000, names), unclaimed };
    return this.#asked.ask('', ask, (id, timeoutMs) => {
      const sent = this.#carrier.request(id, data, timeoutMs);
      sent.catch((error: unknown) => this.#asked.failed(id, toFailure(error)));
    });
  }

  /** The peer answered; an answer that nobody waits for goes to `unclaimed`. */
  answered(id: number, data: unknown): void {
    this.#asked.answered(id, data, '');
  }

  /** The peer answered with a failure. */
  failed(id: number, failure: RemoteFailure): void {
    this.#asked.failed(id, failure);
  }

  /** The peer sent a request, and waits for `timeoutMs`: runs `handler` and answers with its result or error. */
  received(
    id: number,
    timeoutMs: number | undefined,
    handler: (context: MessageRequestContext<Peer>) => unknown,
  ): void {
    const expiresAt = timeoutMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.now() + timeoutMs;
    const request = new IncomingRequest<Peer>(this.#answerer, '', id, expiresAt);
    this.#running.set(id, request);
    request.run(() => handler(request), this.#report);
  }

  /** The peer cancelled a request of its own. */
  cancelled(id: number): void {
    this.#cancel(id, new BusError('ERR_ABORTED', 'The caller cancelled the call'));
  }

  /** The peer is gone: everything that waits is rejected with `error`, and nothing is answered any more. */
  close(error: BusError): void {
    this.#asked.fail(error);
    for (const id of [...this.#running.keys()]) this.#cancel(id, error);
  }

  #answer(request: IncomingRequest<Peer>, data: unknown): void {
    const id = Number(request.id);
    const sent = this.#carrier.answer(id, data);
    this.#running.delete(id);
    sent.catch((error: unknown) => {
      request.unsent();
      this.#fail(request, toFailure(error));
    });
  }

  #fail(request: IncomingRequest<Peer>, failure: RemoteFailure): void {
    const id = Number(request.id);
    this.#running.delete(id);
    // If the way is gone, so is whoever waits.
    this.#carrier.failure(id, failure).catch(ignore);
  }

  #cancel(id: number, reason: BusError): void {
    this.#running.get(id)?.cancel(reason);
    this.#running.delete(id);
  }
}

function ignore(): void {}

const maxDepth = 64;
const bufferBytes = 16_384;

/**
 * Encodes data as the bus itself does: MessagePack that another end can decode without earlier messages. For plugins
 * whose frames pass through something that carries bytes, such as a channel.
 */
export class MessageCodec {
  readonly #packer = new BodyPacker();
  readonly #reader = new BodyReader();
  /** Messages are written one behind the other, and what was handed out is never written again. */
  #buffer: Uint8Array = new Uint8Array(0);
  #position = 0;

  /** @throws BusError `ERR_UNENCODABLE`, for what `decode` would not take too. */
  encode(data: unknown): Uint8Array {
    if (this.#buffer.length - this.#position < roomBytes) {
      this.#buffer = allocate(bufferBytes);
      this.#position = 0;
    }
    const { buffer, start, end } = this.#packer.pack(data, this.#buffer, this.#position, 0, maxDepth, leastCost);
    if (buffer === this.#buffer) this.#position = end;
    return buffer.subarray(start, end);
  }

  /**
   * As plain MessagePack, for other programs: bytes are `bin`, sets and errors lists. @throws BusError
   * `ERR_UNENCODABLE`.
   */
  encodePlain(data: unknown): Uint8Array {
    return packPlain(data);
  }

  /** @throws BusError `ERR_PROTOCOL` for bytes that are not data, or nest too deep. */
  decode(bytes: Uint8Array): unknown {
    return this.#reader.read(bytes, 0, bytes.length, maxDepth);
  }
}
