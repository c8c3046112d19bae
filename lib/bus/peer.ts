import type { Clock } from '../base/clock.ts';
import { asBusError, BusError } from '../base/errors.ts';
import type { Entry } from '../session/outbox.ts';
import type { UserFrame } from '../session/receiver.ts';
import type { Session, SessionOwner } from '../session/session.ts';
import { type SlowConsumerPolicy, type Waiting, WaitingSends } from '../session/waiting.ts';
import type { EncodedMessage } from '../wire/dialect.ts';
import type { EndFrame, RemoteFailure, RequestId } from '../wire/frames.ts';
import type { AskOptions } from './ask-options.ts';
import { type Answerer, IncomingRequest } from './incoming.ts';
import type { PeerHandle } from './plugin.ts';
import { type QuestionCarrier, Questions } from './questions.ts';

/** What stands above a peer: the `Client`, or the `Connection` of a server. */
export interface PeerOwner {
  readonly handle: PeerHandle;
  message(lane: string, data: unknown): void;
  /** Hands a request to whoever answers it; `ERR_NO_HANDLER` is the owner's to say. */
  request(request: IncomingRequest, data: unknown): void;
  ended(frame: EndFrame): void;
  goingAway(): void;
  broken(error: BusError): void;
  slow(): void;
  /** Why a call cannot be served now nor later; undefined while it may at least wait. */
  refusal(): BusError | undefined;
}

export interface PeerOptions {
  readonly clock: Clock;
  readonly policy: SlowConsumerPolicy;
  /** Whether `details` of errors travel to the peer. */
  readonly exposeDetails: boolean;
}

/** What `send` returns while there is room: one promise for all. */
const accepted: Promise<void> = Promise.resolve();

/** The other end as the code above sees it, whichever side of the bus that is: it sends, asks and answers. */
export class Peer implements SessionOwner, Answerer, QuestionCarrier {
  readonly questions: Questions;
  readonly #owner: PeerOwner;
  readonly #clock: Clock;
  readonly #exposeDetails: boolean;
  /** The user's own messages and requests, which a peer's `pause` holds back, and everything else. */
  readonly #userWaiting: WaitingSends;
  readonly #otherWaiting = new WaitingSends('wait');
  readonly #incoming = new Map<RequestId, IncomingRequest>();
  #session: Session | undefined;
  /** True while the peer is about to move to another session: new sends wait for that one. */
  #moving = false;
  #idleWaiters: (() => void)[] = [];
  #roomWaiters: (() => void)[] = [];
  #slow = false;
  /** Why messages are held back from this end, if they are. */
  readonly #holds = new Set<string>();

  constructor(owner: PeerOwner, options: PeerOptions) {
    this.#owner = owner;
    this.#clock = options.clock;
    this.#exposeDetails = options.exposeDetails;
    this.#userWaiting = new WaitingSends(options.policy);
    this.questions = new Questions(options.clock, this);
  }

  get handle(): PeerHandle {
    return this.#owner.handle;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** Sends of the user's that wait for room. */
  get waiting(): number {
    return this.#userWaiting.length;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Resolves when the session accepted the message; the data is encoded by then. */
  send(lane: string, data: unknown): Promise<void> {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const session = this.#session;
    if (session === undefined || !this.#mayGo(session, lane)) {
      return this.#later(lane, (current) => current.message(lane, data, false, entryOf(current, lane, data)));
    }
    try {
      session.message(lane, data, false, entryOf(session, lane, data));
    } catch (error) {
      return Promise.reject(error);
    }
    return accepted;
  }

  /**
   * Sends what was encoded once for many; undefined when it was accepted at once. A peer given up as slow gets
   * nothing more until it takes something. Throws what the encoder throws.
   */
  sendEncoded(lane: string, message: EncodedMessage): Promise<void> | undefined {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const session = this.#session;
    if (session === undefined || !this.#mayGo(session, lane)) {
      if (this.#slow) return Promise.reject(new BusError('ERR_SLOW_CONSUMER'));
      return this.#later(lane, (current) => current.encoded(lane, message, entryOf(current, lane, message.data)));
    }
    session.encoded(lane, message, entryOf(session, lane, message.data));
    return undefined;
  }

  /** Resolves once the peer acknowledged the message; `ERR_SESSION_LOST` when that can never be known. */
  sendConfirmed(data: unknown): Promise<void> {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const lost = (): boolean => {
        reject(new BusError('ERR_SESSION_LOST'));
        return true;
      };
      const send = (): void => {
        const session = this.#current();
        if (session.tier === 'legacy') {
          throw new BusError('ERR_PEER_LACKS_FEATURE', 'A net-ipc peer acknowledges nothing, so nothing is confirmed');
        }
        session.message('', data, true, { data, lane: 0, acknowledged: resolve, lost });
      };
      this.queue({ kind: 'message', send, fail: reject }, '');
    });
  }

  request(lane: string, data: unknown, options: AskOptions): Promise<unknown> {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.questions.ask(lane, options, (id, timeoutMs) => this.#current().request(lane, id, data, timeoutMs));
  }

  /** Resolves the milliseconds an echo of `data` took. */
  async ping(data: unknown, options: AskOptions): Promise<number> {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) throw refusal;
    const askedAt = this.#clock.now();
    await this.questions.ask('', options, (id) => this.#current().ping(id, data));
    return Math.round(this.#clock.now() - askedAt);
  }

  /** Resolves when everything sent so far was acknowledged, or the session is over. */
  flush(): Promise<void> {
    if (this.#userWaiting.length > 0) {
      return new Promise((resolve) => {
        const send = (): void => resolve(this.flush());
        this.#userWaiting.push({ kind: 'answer', send, fail: () => resolve() });
      });
    }
    const session = this.#session;
    if (session === undefined) return accepted;
    return new Promise((resolve) => session.whenFlushed(resolve));
  }

  /** Keeps messages and requests of the user's from arriving, until every reason to was released. */
  hold(reason: string): void {
    this.#holds.add(reason);
    this.#session?.pause();
  }

  release(reason: string): void {
    this.#holds.delete(reason);
    if (this.#holds.size === 0) this.#session?.resume();
  }

  /** Resolves when there is room for a message, or the peer was given up as slow, or is gone. */
  whenRoom(): Promise<void> {
    const session = this.#session;
    if (this.#slow || this.#owner.refusal() !== undefined) return accepted;
    if (session !== undefined && this.#mayGo(session, '')) return accepted;
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  /** Resolves when nothing is owed: no send waits, no question is open, no request is being answered. */
  async whenIdle(): Promise<void> {
    while (!this.#isIdle()) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  /**
   * Lets nothing new into the present session and resolves when all of it is finished: questions answered, requests
   * answered, messages acknowledged. What is sent meanwhile waits for the next session.
   */
  async finishSession(): Promise<void> {
    this.#moving = true;
    const session = this.#session;
    if (session === undefined) return;
    while (this.#session === session && this.#incoming.size + this.#otherWaiting.length + this.questions.sent > 0) {
      await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    }
    if (this.#session === session) await new Promise<void>((resolve) => session.whenFlushed(resolve));
  }

  /** Carries on in `session`; the messages `first` go before all that waits. */
  bind(session: Session, first: readonly Entry[] = []): void {
    this.#session = session;
    this.#moving = false;
    if (this.#holds.size > 0) session.pause();
    for (const { data } of first) session.message('', data, false, entryOf(session, '', data));
    this.room();
  }

  /** Ends the present session. Returns the user's messages that nobody acknowledged. */
  unbind(error: BusError): Entry[] {
    const session = this.#session;
    if (session === undefined) return [];
    this.#session = undefined;
    const left = session.finish().filter((entry) => entry.lost?.() !== true);
    const incoming = [...this.#incoming.values()];
    this.#incoming.clear();
    for (const request of incoming) request.cancel(error);
    this.#otherWaiting.fail(error);
    this.questions.sessionLost(error, (retry) => this.#userWaiting.push(retry));
    this.settled();
    return left;
  }

  /** Rejects all that waits; for when nothing will be sent any more. */
  fail(error: BusError): void {
    this.#userWaiting.fail(error);
    this.#otherWaiting.fail(error);
    this.questions.fail(error);
    this.#wakeRoom();
    this.settled();
  }

  /** Rejects the user's messages that wait, as the policy for slow consumers may say. */
  dropWaiting(error: BusError): void {
    this.#userWaiting.fail(error, (waiting) => waiting.kind === 'message');
  }

  frame(frame: UserFrame, lane: string): void {
    switch (frame.type) {
      case 'message':
        this.#owner.message(lane, frame.data);
        return;
      case 'request': {
        const request = new IncomingRequest(this, lane, frame.id, frame.timeoutMs);
        this.#incoming.set(frame.id, request);
        this.#owner.request(request, frame.data);
        return;
      }
      case 'response':
        this.questions.answered(frame.id, frame.data);
        return;
      case 'failure':
        this.questions.failed(frame.id, frame.error);
        return;
      case 'pong':
        this.questions.answered(frame.id, frame.data);
        return;
      case 'cancel':
        this.#incoming.get(frame.id)?.cancel(new BusError('ERR_ABORTED', 'The requester gave up'));
        this.#forget(frame.id);
        return;
      case 'ping':
        this.queue({ kind: 'answer', send: () => this.#session?.pong(frame.id, frame.data), fail: ignore }, pongLane);
        return;
      case 'end':
        this.#owner.ended(frame);
        return;
    }
  }

  room(): void {
    this.#slow = false;
    this.#otherWaiting.drain(() => this.#session?.hasRoom === true);
    this.#userWaiting.drain(() => this.#session?.hasRoom === true && !this.#session.peerPaused && !this.#moving);
    if (this.#session !== undefined && this.#mayGo(this.#session, '')) this.#wakeRoom();
    this.settled();
  }

  goingAway(): void {
    this.#owner.goingAway();
  }

  broken(error: BusError): void {
    this.#owner.broken(error);
  }

  slow(): void {
    this.#slow = true;
    this.#wakeRoom();
    this.#owner.slow();
  }

  answer(request: IncomingRequest, data: unknown): void {
    const { lane, id } = request;
    const send = (): void => this.#session?.response(lane, id, data);
    if (this.#session?.hasRoom === true && this.#otherWaiting.length === 0) send();
    else {
      const fail = ({ code, message }: BusError): void => this.#session?.failure(lane, id, { code, message });
      this.#otherWaiting.push({ kind: 'answer', send, fail });
    }
    this.#forget(id);
  }

  answerFailure(request: IncomingRequest, failure: RemoteFailure): void {
    const { lane, id } = request;
    const { code, message } = failure;
    const told = this.#exposeDetails ? failure : { code, message };
    const send = (): void => {
      try {
        this.#session?.failure(lane, id, told);
      } catch {
        this.#session?.failure(lane, id, { code, message });
      }
    };
    this.queue({ kind: 'answer', send, fail: ignore }, pongLane);
    this.#forget(id);
  }

  queue(waiting: Waiting, lane: string): void {
    const session = this.#session;
    if (session === undefined || !this.#mayGo(session, lane)) {
      (lane === '' ? this.#userWaiting : this.#otherWaiting).push(waiting);
      return;
    }
    try {
      waiting.send();
    } catch (error) {
      waiting.fail(asBusError(error, 'ERR_UNENCODABLE'));
    }
  }

  cancel(lane: string, id: number): void {
    if (this.#session?.tier === 'session') this.#session.cancel(lane, id);
  }

  settled(): void {
    if (this.#idleWaiters.length === 0) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }

  #later(lane: string, send: (session: Session) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        send(this.#current());
        resolve();
      };
      (lane === '' ? this.#userWaiting : this.#otherWaiting).push({ kind: 'message', send: go, fail: reject });
    });
  }

  #mayGo(session: Session, lane: string): boolean {
    if (this.#moving || !session.hasRoom) return false;
    return lane === '' ? this.#userWaiting.length === 0 && !session.peerPaused : this.#otherWaiting.length === 0;
  }

  #forget(id: RequestId): void {
    this.#incoming.delete(id);
    this.settled();
  }

  #current(): Session {
    if (this.#session === undefined) throw new BusError('ERR_CLOSED');
    return this.#session;
  }

  #isIdle(): boolean {
    const waiting = this.#userWaiting.length + this.#otherWaiting.length;
    return waiting + this.questions.open + this.#incoming.size === 0;
  }

  #wakeRoom(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const wake of waiters) wake();
  }
}

/** Any lane but the user's: answers are never held back by a pause. */
const pongLane = '\0answers';

/** In the tier that keeps messages, the user's own are answered for when the session is lost. */
function entryOf(session: Session, lane: string, data: unknown): Entry | undefined {
  return lane === '' && session.tier === 'session' ? { data, lane: 0 } : undefined;
}

function ignore(): void {}
