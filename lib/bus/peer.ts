import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import type { Entry } from '../session/outbox.ts';
import type { UserFrame } from '../session/receiver.ts';
import type { SessionOwner } from '../session/session-owner.ts';
import type { Session } from '../session/session.ts';
import type { Waiting } from '../session/waiting.ts';
import type { EncodedMessage } from '../wire/dialect.ts';
import type { RemoteFailure, RequestId } from '../wire/frames.ts';
import { type AnswerCarrier, Answers } from './answers.ts';
import type { AskOptions } from './ask-options.ts';
import { type Asking, Backlog, type BacklogOwner } from './backlog.ts';
import type { ResolvedClientOptions, ResolvedServerOptions } from './options.ts';
import type { PeerHandle } from './plugin.ts';
import type { PeerOwner } from './peer-owner.ts';
import { type QuestionCarrier, Questions } from './questions.ts';
import type { SendOptions } from './send-settings.ts';
import { Sends } from './sends.ts';
import { Stumbles } from './stumbles.ts';
import { Wakers } from './wakers.ts';

const noHolds: ReadonlySet<string> = new Set();

/** The other end as the code above sees it, whichever side of the bus that is: it sends, asks and answers. */
export class Peer implements SessionOwner, AnswerCarrier, BacklogOwner, QuestionCarrier {
  readonly questions: Questions;
  readonly answers: Answers;
  readonly #sends: Sends;
  readonly #owner: PeerOwner;
  readonly #clock: Clock;
  readonly #settled = new Wakers();
  readonly #backlog: Backlog;
  readonly #maxUnackedBytes: number;
  #stumbles = new Stumbles();
  /** Why messages are held back from this end, if they are. */
  #holds: ReadonlySet<string> = noHolds;

  constructor(owner: PeerOwner, options: ResolvedClientOptions | ResolvedServerOptions) {
    this.#owner = owner;
    this.#clock = options.clock;
    this.#sends = new Sends(options.slowConsumer);
    this.#maxUnackedBytes = options.maxUnackedBytes;
    this.#backlog = new Backlog(this, options.clock, options.maxUnackedBytes);
    this.questions = new Questions(options.clock, this);
    this.answers = new Answers(this, options.clock, options.maxOpenRequests, options.exposeErrorDetails);
  }

  get handle(): PeerHandle {
    return this.#owner.handle;
  }

  get session(): Session | undefined {
    return this.#sends.session;
  }

  /** What waits for the peer to take it. */
  get pending(): { readonly bytes: number; readonly messages: number } {
    const { session } = this;
    const messages = this.#sends.waiting + (session?.out.outbox.count ?? 0);
    return { bytes: session?.out.pendingBytes ?? 0, messages };
  }

  send(lane: string, data: unknown): Promise<void> {
    const refusal = this.#owner.refusal();
    return refusal === undefined ? this.#sends.message(lane, data) : Promise.reject(refusal);
  }

  trySend(lane: string, data: unknown): boolean {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) throw refusal;
    return this.#sends.tryMessage(lane, data);
  }

  /** As `Sends.encoded`. */
  sendEncoded(lane: string, message: EncodedMessage): Promise<void> | undefined {
    const refusal = this.#owner.refusal();
    return refusal === undefined ? this.#sends.encoded(lane, message) : Promise.reject(refusal);
  }

  /** Sends a message of the user's; resolves when there was room for it, or with `confirm` when it was handled. */
  sendUntil(data: unknown, { confirm, until }: SendOptions): Promise<void> {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.questions.message(until, (id, done) => {
      if (confirm) {
        this.#sends.confirmed(id, data, done);
      } else {
        this.#sends.now(data);
        done();
      }
    });
  }

  request(lane: string, data: unknown, options: AskOptions): Promise<unknown> {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.questions.ask(lane, options, (id, timeoutMs) =>
      this.#sends.current().out.request(lane, id, data, timeoutMs),
    );
  }

  /** Resolves the milliseconds an echo of `data` took. */
  async ping(data: unknown, options: AskOptions): Promise<number> {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) throw refusal;
    const askedAt = this.#clock.now();
    await this.questions.ask('', options, (id) => this.#sends.current().out.ping(id, data));
    return Math.round(this.#clock.now() - askedAt);
  }

  /** Resolves when everything sent so far was acknowledged, and handled if that is waited for, or the session is over. */
  flush(): Promise<void> {
    const { messages } = this.questions;
    return messages.length === 0 ? this.#sends.flush() : this.#flushConfirmed(messages);
  }

  /** Keeps messages and requests of the user's from arriving, until every reason to was released. */
  hold(reason: string): void {
    this.#holds = new Set(this.#holds).add(reason);
    this.session?.pause();
  }

  release(reason: string): void {
    this.#holds = new Set([...this.#holds].filter((other) => other !== reason));
    if (this.#holds.size === 0) this.session?.resume();
  }

  /** The link is gone; the session waits for the next one. */
  detach(): void {
    this.#sends.detach();
  }

  /** Resolves when there is room for a message, or the peer was given up as slow, or is gone or without a link. */
  async whenRoom(): Promise<void> {
    if (this.#owner.refusal() === undefined) await this.#sends.whenRoom();
  }

  /** Resolves when nothing is owed: no send waits, no question is open, no request is being answered, all is flushed. */
  async whenIdle(): Promise<void> {
    for (;;) {
      await this.flush();
      if (this.#sends.waiting + this.questions.open + this.#answersOwed === 0) return;
      await this.#settled.next();
    }
  }

  /** Resolves with `work`, or without it once the peer is given up as slow. */
  unlessSlow(work: Promise<void>): Promise<void> {
    return Promise.race([work, this.#sends.whenSlow()]);
  }

  /**
   * Lets nothing new into the present session and resolves when all of it is finished: questions answered, requests
   * answered, messages acknowledged. What is sent meanwhile waits for the next session, what a pause held back arrives.
   */
  async finishSession(): Promise<void> {
    this.#sends.holdForNext();
    const { session } = this;
    if (session === undefined) return;
    session.resume();
    while (this.session === session && this.questions.sent + this.#answersOwed > 0) await this.#settled.next();
    if (this.session === session) await new Promise<void>((resolve) => session.whenFlushed(resolve));
  }

  /**
   * Whether the peer's next frame cannot be read over any link, so that the session would break on it for ever. The peer
   * is then told that the session ends here.
   */
  isStuckOn(error: BusError): boolean {
    const { session } = this;
    if (session?.tier !== 'session' || (error.code !== 'ERR_PROTOCOL' && error.code !== 'ERR_TOO_LARGE')) return false;
    if (!this.#stumbles.isTooMany(session.received)) return false;
    session.out.end(error.message, true, undefined);
    return true;
  }

  /** As `Sends.bind`. */
  bind(session: Session, first: readonly Entry[] = []): Entry[] {
    this.#stumbles = new Stumbles();
    if (this.#holds.size > 0) session.pause();
    return this.#sends.bind(session, first);
  }

  /** Ends the present session. Returns the user's messages that nobody acknowledged. */
  unbind(error: BusError): Entry[] {
    const { session } = this;
    if (session === undefined) return [];
    this.#backlog.end();
    this.#sends.unbind();
    const left = session.finish().filter((entry) => entry.lost?.() !== true);
    this.answers.cancelAll(error);
    this.questions.sessionLost(error, (retry) => this.#sends.again(retry));
    return left;
  }

  /** Rejects all that waits; for when nothing will be sent any more. */
  fail(error: BusError): void {
    this.#sends.fail(error);
    this.questions.fail(error);
  }

  /** Rejects the user's messages that wait, as the policy for slow consumers may say. */
  dropWaiting(error: BusError): void {
    this.#sends.drop(error);
  }

  get unheard(): number {
    return this.#backlog.unheard;
  }

  frame(frame: UserFrame, lane: string, heardAt: number, sequence: number): void {
    switch (frame.type) {
      case 'message':
      case 'request':
      case 'ping':
        this.#backlog.take(frame, lane, heardAt, sequence);
        return;
      case 'response':
        this.questions.answered(frame.id, frame.data, lane);
        return;
      case 'failure':
        this.questions.failed(frame.id, frame.error);
        return;
      case 'pong':
        this.questions.answered(frame.id, frame.data, '');
        return;
      case 'cancel':
        if (!this.#backlog.drop(frame.id)) this.answers.cancelled(frame.id);
        return;
      case 'end':
        this.#owner.ended(frame);
        return;
    }
  }

  deliver(frame: Asking, lane: string, heardAt: number): void {
    if (frame.type === 'ping') this.session?.out.pong(frame.id, frame.data);
    else if (frame.type === 'request') this.answers.begin(frame, lane, heardAt, this.#owner);
    else if (this.session?.handles === true) this.answers.hand(frame, lane, this.#owner);
    else this.#owner.message(lane, frame.data, frame.size);
  }

  room(): void {
    this.#backlog.drain();
    this.#sends.drain();
    this.settled();
  }

  goingAway(): void {
    this.#owner.goingAway();
  }

  broken(error: BusError): void {
    this.#owner.broken(error);
  }

  slow(): void {
    this.#sends.gaveUpAsSlow();
    this.#owner.slow();
  }

  mayAnswer(lane: string, windows: number): boolean {
    const { session } = this;
    return session !== undefined && session.out.pendingBytesOf(lane) < windows * this.#maxUnackedBytes;
  }

  respond(lane: string, id: RequestId, data: unknown): void {
    this.session?.out.response(lane, id, data);
  }

  failure(lane: string, id: RequestId, failure: RemoteFailure): void {
    this.session?.out.failure(lane, id, failure);
  }

  maySend(lane: string): boolean {
    return this.#sends.mayGo(lane);
  }

  queue(waiting: Waiting, lane: string): void {
    this.#sends.queue(waiting, lane);
  }

  cancel(lane: string, id: number): void {
    const { session } = this;
    if (session?.tier === 'session') session.out.cancel(lane, id);
  }

  settled(): void {
    this.#settled.wake();
  }

  async #flushConfirmed(messages: { isOpen(): boolean }): Promise<void> {
    await this.#sends.flush();
    while (messages.isOpen()) await this.#settled.next();
  }

  get #answersOwed(): number {
    return this.answers.open + this.#backlog.length;
  }
}
