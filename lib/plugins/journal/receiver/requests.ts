import type { Clock, Timer } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { type RemoteFailure, toFailure } from '../../../base/failure.ts';
import { codeOf } from '../../../base/thrown.ts';
import { Queue } from '../../../base/queue.ts';
import { Signal } from '../../../base/wait.ts';
import { type DurableReceiver, MessageCodec, type PeerHandle } from '../../../bus/plugin.ts';
import { type AnswerMessage, answerMessage, type AskedFor } from '../format/lane-messages.ts';
import { digestOf, isOnlyOnce, readRequestBody, requestIdOf } from '../format/request-body.ts';
import type { InboxLog } from '../inbox/inbox-log.ts';
import type { Delivery, Sink, SinkOwner } from './delivery.ts';
import type { Gate } from './gate.ts';
import { Places } from './places.ts';

/** How often one that ends the process is handled. */
const mostAttempts = 5;
/** How long what waited while this end was away waits for a handler. */
const handlerWithinMs = 10_000;
const sweepMs = 60_000;

export interface RequestsHost extends SinkOwner {
  readonly clock: Clock;
  readonly gate: Gate;
  /** Nothing is to be begun with. */
  readonly isPaused: boolean;
  peerOf(folder: string): PeerHandle | undefined;
  report(error: unknown, peer: PeerHandle | undefined): void;
  /** Sends on the lane; resolves when there is room for more. */
  tell(peer: PeerHandle, message: AnswerMessage): Promise<void>;
}

interface Asking extends AskedFor {
  readonly folder: string;
}

/** One that waits to be begun with. */
interface Ready {
  readonly delivery: Delivery;
  readonly asking: Asking;
  readonly data: unknown;
  readonly key: string;
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
  readonly #places = new Places();
  readonly #ready = new Queue<Ready>();
  #isOver = false;
  #running = 0;
  /** By folder: what its sender asks for and was not told yet. */
  readonly #telling = new Map<string, Map<string, string>>();

  constructor(inbox: InboxLog, receiver: DurableReceiver, answerTtlMs: number, host: RequestsHost) {
    this.#inbox = inbox;
    this.#receiver = receiver;
    this.#answerTtlMs = answerTtlMs;
    this.#host = host;
    this.#handlerBy = host.clock.now() + handlerWithinMs;
    this.#waiting = host.clock.setTimer(() => host.roomMade(), handlerWithinMs, true);
    this.#sweep();
  }

  hasRoom(folder: string): boolean {
    if (!this.#receiver.mayAsk() && this.#host.clock.now() < this.#handlerBy) return false;
    return this.#places.hasRoom(folder);
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
      // It was asked before.
      this.tell(folder, [[id, digest]]).catch((error: unknown) => this.#host.report(error, this.#host.peerOf(folder)));
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
    this.#places.take(folder);
    this.#inbox.answers.begin(folder, id, digest);
    this.#host.gate.expect(delivery);
    const key = request.key ?? `${journal}.${sequence}`;
    this.#ready.push({ delivery, asking: { folder, id, digest }, data, key });
    this.run();
  }

  /** Begins with what may be begun with. */
  run(): void {
    while (!this.#isOver && !this.#host.isPaused && this.#ready.length > 0 && this.#host.gate.isOpen) {
      void this.#answer(this.#ready.shift() as Ready);
    }
  }

  /**
   * Sends the existing answers, one after the other to each sender, however often it asks; others are sent when they
   * exist. Rejects with what reading fails with.
   */
  async tell(folder: string, asked: Iterable<readonly [id: string, digest: string]>): Promise<void> {
    const known = this.#telling.get(folder);
    const waiting = known ?? new Map<string, string>();
    for (const [id, digest] of asked) {
      if (this.#inbox.answers.find(folder, id, this.#inbox.now()) !== undefined) waiting.set(id, digest);
    }
    if (known !== undefined) return;
    this.#telling.set(folder, waiting);
    try {
      for (const [id, digest] of waiting) {
        waiting.delete(id);
        await this.#tellOne({ folder, id, digest });
      }
    } finally {
      this.#telling.delete(folder);
    }
  }

  /** Who asked has the answer; nobody else can ask for it. */
  told(folder: string, id: string): void {
    if (isOnlyOnce(id)) this.#inbox.answers.forget(folder, id);
  }

  /** Begins with no more. */
  end(): void {
    this.#isOver = true;
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

  /** While it is handled, its answer will be told. */
  async #tellOne({ folder, id, digest }: Asking): Promise<void> {
    const asked = this.#inbox.answers.find(folder, id, this.#inbox.now());
    if (asked === undefined) return;
    if (asked.digest !== digest) {
      const error = new BusError('ERR_INVALID_ARGUMENT', 'The key was given with other data before');
      await this.#send({ folder, id, digest }, true, this.#encoded(toFailure(error)));
    } else if (asked.answer !== undefined) {
      const { isError } = asked.answer.mark;
      const data = await this.#inbox.answers.read(asked);
      if (data !== undefined) await this.#send({ folder, id, digest }, isError, data);
    }
  }

  /** Never rejects: where the session is over, it is asked for in the next one. */
  async #send(asking: Asking, isError: boolean, data: Uint8Array): Promise<void> {
    const peer = this.#host.peerOf(asking.folder);
    if (peer === undefined) return;
    try {
      await this.#host.tell(peer, answerMessage(asking, isError, data));
    } catch (thrown) {
      if (codeOf(thrown) !== 'ERR_TOO_LARGE') return;
      const error = new BusError('ERR_TOO_LARGE', `The answer has ${data.length} bytes, more than who asked takes`);
      await this.#host.tell(peer, answerMessage(asking, true, this.#encoded(toFailure(error)))).catch(() => {});
    }
  }

  async #answer({ delivery, asking, data, key }: Ready): Promise<void> {
    this.#running += 1;
    this.#host.gate.begin();
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
        void this.#send(asking, isError, bytes);
      } catch (error) {
        // It is asked again by the next process.
        this.#host.report(error, undefined);
      }
    }
    this.#running -= 1;
    this.#host.gate.end(delivery);
    if (this.#idle.isAwaited) this.#idle.wake();
    if (this.#places.give(folder)) this.#host.roomMade();
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
    const redelivered = delivery.isRedelivered || delivery.attempts > 0;
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
