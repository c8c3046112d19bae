import type { Clock } from '../../base/clock.ts';
import { asBusError, BusError } from '../../base/errors.ts';
import { failing, onAbort } from '../../base/wait.ts';
import { fromFailure } from '../../base/failure.ts';
import type { SendQueue, Waiting } from '../../session/send-queue.ts';
import type { Asker } from '../../wire/dialect.ts';
import type { RemoteFailure, RequestId } from '../../wire/frames.ts';
import type { AskOptions } from '../call-settings.ts';
import { type Pending, PendingTable } from './pending-table.ts';

/** Who carries the requests to the peer. */
export interface RequestOutlet {
  /** Whether a request on this lane would go out at once. */
  maySend(lane: string): boolean;
  /** Sends at once or when there is room, or fails. */
  queue(waiting: Waiting, lane: string): void;
  /** Tells the peer that the answer is not wanted any more. */
  cancel(lane: string, id: number): void;
  /** A request was settled, one way or the other. */
  settled(): void;
  /** Keeps the present context for `task`, which runs later. */
  keepContext?(task: SendRequest): SendRequest;
  /** An answer came so long after it was asked for. */
  roundTrip?(ms: number): void;
}

/** Gets the request's id and the milliseconds left (undefined: no timeout). */
type SendRequest = (id: number, timeoutMs: number | undefined) => void;

/** What one end asked and has no answer to yet. Every request settles: by answer, error, timeout, abort or loss. */
export class PendingRequests implements Asker {
  readonly #clock: Clock;
  readonly #outlet: RequestOutlet;
  readonly #table: PendingTable;
  /** By lane, of cancelled requests: who is notified of answers that arrive anyway. */
  readonly #unclaimed = new Map<string, (answer: unknown) => void>();
  /** The user's messages among them. */
  readonly #messages = new Set<object>();

  constructor(clock: Clock, outlet: RequestOutlet) {
    this.#clock = clock;
    this.#outlet = outlet;
    this.#table = new PendingTable(clock, (id, pending) => this.#gaveUp(id, pending));
  }

  get open(): number {
    return this.#table.size;
  }

  /** How many there were. */
  get asksMade(): number {
    return this.#table.asksMade;
  }

  /** Those the peer has, or may have, seen. */
  get sent(): number {
    return this.#table.sent;
  }

  /** Answers that came too late, or for nobody. */
  get late(): number {
    return this.#table.late;
  }

  /** As `PendingTable.left`. */
  left(id: number): number {
    return this.#table.left(id);
  }

  /** The user's messages that are open now; `isOpen` says of each whether it still is. */
  get messages(): { readonly length: number; isOpen(): boolean } {
    const now = [...this.#messages];
    return { length: now.length, isOpen: () => now.some((message) => this.#messages.has(message)) };
  }

  /** Asks by `send`; what it throws rejects. */
  ask(lane: string, options: AskOptions, send: SendRequest): Promise<unknown> {
    return new Promise((resolve, reject) => this.#ask(lane, 'request', options, send, resolve, reject));
  }

  /** The same for a message, whose answer says nothing; `send` may call `done` instead of the peer. */
  message(lane: string, options: AskOptions, send: (id: number, done: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const key = {};
      const over = (settle: () => void): void => {
        this.#messages.delete(key);
        settle();
      };
      this.#messages.add(key);
      const refuse = (error: BusError): void => over(() => reject(error));
      const ask = (id: number): void => send(id, () => this.#table.has(id) && this.answered(id, undefined, lane));
      this.#ask(lane, 'message', options, ask, (value) => over(() => resolve(value as undefined)), refuse);
    });
  }

  #ask(
    lane: string,
    kind: Pending['kind'],
    { signal, timeoutMs, idempotent, withdrawal, unclaimed }: AskOptions,
    send: SendRequest,
    resolve: (value: unknown) => void,
    reject: (error: BusError) => void,
  ): void {
    if (signal?.aborted === true) {
      reject(aborted(signal));
      return;
    }
    const askedAt = this.#clock.now();
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : askedAt + timeoutMs;
    const pending: Pending = { kind, lane, resolve, reject, askedAt, deadline, sent: false, unclaimed };
    const id = this.#table.add(pending);
    if (signal !== undefined) this.#watchSignal(signal, id, pending);
    withdrawal?.bind((error) => this.#withdraw(id, pending, () => pending.reject(error)));
    if (!idempotent && this.#outlet.maySend(lane)) this.#sendNow(id, pending, timeoutMs, send);
    else this.#queue(id, pending, idempotent, send);
  }

  /** The usual way, which makes nothing that would have to be kept until the answer. */
  #sendNow(id: number, pending: Pending, timeoutMs: number | undefined, send: SendRequest): void {
    try {
      send(id, timeoutMs === undefined ? undefined : Math.ceil(timeoutMs));
      pending.sent = true;
    } catch (error) {
      this.#table.take(id)?.reject(asBusError(error, 'ERR_UNENCODABLE'));
    }
  }

  #queue(id: number, pending: Pending, idempotent: boolean, send: SendRequest): void {
    const { deadline, kind, lane } = pending;
    const later = this.#outlet.keepContext?.(send) ?? send;
    const waiting: Waiting = {
      kind,
      send: () => {
        const left = Math.max(0, Math.ceil(deadline - this.#clock.now()));
        later(id, left === Number.POSITIVE_INFINITY ? undefined : left);
        pending.sent = true;
        if (!idempotent) pending.waiting = undefined;
      },
      fail: (error) => this.#table.take(id)?.reject(error),
    };
    pending.waiting = waiting;
    this.#outlet.queue(waiting, lane);
  }

  answered(id: RequestId, data: unknown, lane: string, heardAt?: number): void {
    const pending = this.#table.take(id);
    if (pending !== undefined && heardAt !== undefined) this.#outlet.roundTrip?.(heardAt - pending.askedAt);
    if (pending === undefined) this.#unclaimed.get(lane)?.(data);
    else pending.resolve(pending.kind === 'message' ? undefined : data);
    this.#outlet.settled();
  }

  failed(id: RequestId, failure: RemoteFailure): void {
    this.#table.take(id)?.resolve(failing(() => fromFailure(failure)));
    this.#outlet.settled();
  }

  /** The session they were sent in is over: rejects them, or makes those that may be asked again wait for that. */
  sessionLost(error: BusError, queue: SendQueue): void {
    const lost = (pending: Pending): boolean => pending.sent && pending.waiting === undefined;
    const unknown = new BusError('ERR_SESSION_LOST', undefined, { cause: error });
    this.#table.reject(unknown, (pending) => pending.kind === 'message' && lost(pending));
    this.#table.reject(error, lost);
    this.#table.retryAll((waiting) => queue.push(waiting));
    this.#outlet.settled();
  }

  fail(error: BusError): void {
    this.#table.reject(error);
    this.#outlet.settled();
  }

  #watchSignal(signal: AbortSignal, id: number, pending: Pending): void {
    const abort = (): void => pending.resolve(failing(() => aborted(signal)));
    pending.release = onAbort(signal, () => this.#withdraw(id, pending, abort));
  }

  #withdraw(id: number, pending: Pending, settle: () => void): void {
    if (!this.#table.has(id)) return;
    this.#table.take(id);
    this.#gaveUp(id, pending);
    settle();
  }

  #gaveUp(id: number, pending: Pending): void {
    const { lane, unclaimed } = pending;
    if (pending.sent && unclaimed !== undefined) this.#unclaimed.set(lane, unclaimed);
    if (pending.sent) this.#outlet.cancel(lane, id);
    else pending.waiting?.queue?.remove(pending.waiting);
    this.#outlet.settled();
  }
}

function aborted(signal: AbortSignal): BusError {
  return new BusError('ERR_ABORTED', undefined, { cause: signal.reason });
}
