import { createHash } from 'node:crypto';
import type { Clock, Timer } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { type RemoteFailure, toFailure } from '../../base/failure.ts';
import { Signal } from '../../base/wait.ts';
import { type DurableReceiver, MessageCodec, type PeerHandle } from '../../bus/plugin.ts';
import type { Delivery, Sink, SinkOwner } from './delivery.ts';
import type { InboxLog } from './inbox-log.ts';
import { type AnswerMessage, answerMessage } from './lane-messages.ts';
import { isOnlyOnce, readRequestBody, requestIdOf } from './request-body.ts';

/** Requests that handlers have and that are not answered. */
const mostOpen = 1_000;
/** How often one that ends the process is handled. */
const mostAttempts = 5;
/** How long what waited while this end was away waits for a handler. */
const handlerWithinMs = 10_000;
const sweepMs = 60_000;

export interface RequestsHost extends SinkOwner {
  readonly clock: Clock;
  peerOf(folder: string): PeerHandle | undefined;
  report(error: unknown, peer: PeerHandle | undefined): void;
  /** Sends on the lane; what becomes of it nobody hears. */
  tell(peer: PeerHandle, message: AnswerMessage): void;
}

interface Asking {
  readonly folder: string;
  readonly id: string;
  readonly digest: string;
}

/** Has durable requests answered, each of them once, and tells the answers. */
export class Requests implements Sink {
  readonly #inbox: InboxLog;
  readonly #receiver: DurableReceiver;
  readonly #answerTtlMs: number;
  readonly #host: RequestsHost;
  readonly #codec = new MessageCodec();
  readonly #idle = new Signal();
  readonly #handlerBy: number;
  readonly #waiting: Timer;
  #sweeping: Timer | undefined;
  #running = 0;

  constructor(inbox: InboxLog, receiver: DurableReceiver, answerTtlMs: number, host: RequestsHost) {
    this.#inbox = inbox;
    this.#receiver = receiver;
    this.#answerTtlMs = answerTtlMs;
    this.#host = host;
    this.#handlerBy = host.clock.now() + handlerWithinMs;
    this.#waiting = host.clock.setTimer(() => host.roomMade(), handlerWithinMs, true);
    this.#sweep();
  }

  get hasRoom(): boolean {
    if (this.#running >= mostOpen) return false;
    return this.#receiver.mayAsk() || this.#host.clock.now() >= this.#handlerBy;
  }

  take(delivery: Delivery): void {
    const request = readRequestBody(delivery.body);
    if (request === undefined) {
      void this.#host.died(delivery, new BusError('ERR_PROTOCOL', 'It is neither a message nor a request'));
      return;
    }
    const { folder, journal, sequence } = delivery;
    const id = requestIdOf(request.key, journal, sequence);
    const digest = digestOf(request.data);
    const known = this.#inbox.answers.find(folder, id, this.#inbox.now());
    if (known !== undefined) {
      this.#again({ folder, id, digest });
      this.#host.done(delivery);
      return;
    }
    let data: unknown;
    try {
      data = this.#codec.decode(request.data);
    } catch (error) {
      void this.#host.died(delivery, error);
      return;
    }
    this.#running += 1;
    this.#inbox.answers.begin(folder, id, digest);
    void this.#answer(delivery, { folder, id, digest }, data, request.key ?? `${journal}.${sequence}`);
  }

  /** Tells the answers that there are; others are told when they are there. */
  async tell(peer: PeerHandle, folder: string, ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const asked = this.#inbox.answers.find(folder, id, this.#inbox.now());
      if (asked?.answer === undefined) continue;
      const data = await this.#inbox.answers.read(asked);
      if (data !== undefined) this.#host.tell(peer, answerMessage(id, asked.answer.mark.isError, data));
    }
  }

  /** Who asked has the answer; nobody else can ask for it. */
  told(folder: string, id: string): void {
    if (isOnlyOnce(id)) this.#inbox.answers.forget(folder, id);
  }

  /** No time is looked at any more. */
  end(): void {
    this.#waiting.cancel();
    this.#sweeping?.cancel();
  }

  /** Resolves when all handlers have settled. */
  async settled(): Promise<void> {
    while (this.#running > 0) await this.#idle.next();
  }

  #sweep(): void {
    this.#inbox.answers.sweep(this.#inbox.now());
    this.#sweeping = this.#host.clock.setTimer(() => this.#sweep(), sweepMs, true);
  }

  /** It was asked before; while it is handled, its answer will be told. */
  #again({ folder, id, digest }: Asking): void {
    const asked = this.#inbox.answers.find(folder, id, this.#inbox.now());
    const peer = this.#host.peerOf(folder);
    if (asked === undefined || peer === undefined) return;
    if (asked.digest !== digest) {
      const error = new BusError('ERR_INVALID_ARGUMENT', 'The key was given with other data before');
      this.#host.tell(peer, answerMessage(id, true, this.#codec.encode(toFailure(error))));
      return;
    }
    this.tell(peer, folder, [id]).catch((error: unknown) => this.#host.report(error, peer));
  }

  async #answer(delivery: Delivery, asking: Asking, data: unknown, key: string): Promise<void> {
    const { answers } = this.#inbox;
    const { folder, id, digest } = asking;
    const { outcome, isKept } = await this.#outcomeOf(delivery, data, key);
    if (outcome !== undefined) {
      const [isError, bytes] = outcome;
      try {
        const expiresAt = this.#inbox.now() + this.#answerTtlMs;
        if (isKept) await answers.keep({ folder, id, digest, isError, expiresAt }, bytes);
        else answers.forget(folder, id);
        this.#host.done(delivery);
        const peer = this.#host.peerOf(folder);
        if (peer !== undefined) this.#host.tell(peer, answerMessage(id, isError, bytes));
      } catch (error) {
        // It is asked again by the next process.
        this.#host.report(error, undefined);
      }
    }
    this.#running -= 1;
    if (this.#idle.isAwaited) this.#idle.wake();
    if (this.#running < mostOpen / 2) this.#host.roomMade();
  }

  /** What it is answered with, and whether that is kept; undefined where nothing may happen. Never rejects. */
  async #outcomeOf(
    delivery: Delivery,
    data: unknown,
    key: string,
  ): Promise<{
    readonly outcome: readonly [isError: boolean, bytes: Uint8Array] | undefined;
    readonly isKept: boolean;
  }> {
    const redelivered = delivery.attempts > 0;
    if (delivery.attempts >= mostAttempts) {
      const error = new BusError('ERR_REMOTE', 'The process ended each time it handled this');
      return { outcome: [true, this.#encoded(toFailure(error))], isKept: true };
    }
    if (!this.#receiver.mayAsk()) {
      return { outcome: [true, this.#encoded(toFailure(new BusError('ERR_NO_HANDLER')))], isKept: false };
    }
    delivery.attempts += 1;
    try {
      await this.#host.begun(delivery);
    } catch {
      // The next process asks it; that the journal failed is told by others.
      return { outcome: undefined, isKept: false };
    }
    try {
      const answer = await this.#receiver.ask(data, this.#host.peerOf(delivery.folder), { key, redelivered });
      return { outcome: [false, this.#codec.encode(answer)], isKept: true };
    } catch (error) {
      return { outcome: [true, this.#encoded(toFailure(error))], isKept: true };
    }
  }

  /** Without details, which may be anything. */
  #encoded({ code, message }: RemoteFailure): Uint8Array {
    return this.#codec.encode({ code, message });
  }
}

function digestOf(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('base64url').slice(0, 22);
}
