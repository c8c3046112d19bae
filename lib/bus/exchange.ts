import type { BusError } from '../base/errors.ts';
import type { Entry } from '../session/replay-buffer.ts';
import { sendOrFail, type Waiting } from '../session/send-queue.ts';
import { SendQueues, type Session } from '../session/session.ts';
import { Signal } from '../base/wait.ts';
import type { Lifecycle } from '../session/state.ts';
import type { Operations, Settled } from '../session/operations.ts';
import { Traffic } from '../session/traffic.ts';
import { type OwnContracts, PeerContracts } from '../wire/contracts.ts';
import type { EncodedMessage } from '../wire/dialect.ts';
import type { MessageFrame, RequestFrame } from '../wire/frames.ts';
import type { AskOptions, SendOptions } from './call-settings.ts';
import { arrivalOf, followedHandling } from './tracing/followed-frames.ts';
import { Inbox, type InboxSource } from './inbox.ts';
import { type IncomingOwner, IncomingRequests } from './requests/incoming-requests.ts';
import type { ResolvedClientOptions, ResolvedServerOptions } from './options.ts';
import type { PeerEvents } from './events.ts';
import { PendingRequests, type RequestOutlet } from './requests/pending-requests.ts';
import type { PeerHandle } from './plugin.ts';

const noPauses: ReadonlySet<string> = new Set();
const resolved: Promise<void> = Promise.resolve();

/** What goes to a peer and comes from it, from one session to the next: messages, and requests either way. */
export abstract class Exchange<Handle extends PeerHandle> implements InboxSource, IncomingOwner, RequestOutlet {
  readonly handle: Handle;
  /** The present session. */
  session: Session | undefined;
  readonly queues: SendQueues;
  readonly traffic: Traffic<PeerHandle>;
  readonly operations: Operations<PeerHandle> | undefined;
  readonly requests: PendingRequests;
  readonly incoming: IncomingRequests;
  /** Absent where this end has none. */
  readonly contracts: PeerContracts | undefined;
  protected readonly options: ResolvedClientOptions | ResolvedServerOptions;
  protected readonly events: PeerEvents<Handle>;
  protected readonly lifecycle: Lifecycle;
  readonly #settled = new Signal();
  /** Made for the first `messages()`. */
  #inbox: Inbox | undefined;
  /** Why messages are held back from this end, if they are. */
  #pauses: ReadonlySet<string> = noPauses;

  constructor(
    handle: Handle,
    options: ResolvedClientOptions | ResolvedServerOptions,
    events: PeerEvents<Handle>,
    lifecycle: Lifecycle,
    contracts: OwnContracts | undefined,
  ) {
    this.handle = handle;
    this.options = options;
    this.events = events;
    this.lifecycle = lifecycle;
    this.contracts = contracts && new PeerContracts(contracts);
    this.traffic = new Traffic<PeerHandle>(handle, events.watchers, options.clock.now());
    this.operations = events.watchers.operations;
    this.queues = new SendQueues(options.slowConsumer, this.operations);
    this.requests = new PendingRequests(options.clock, this);
    this.incoming = new IncomingRequests(this, options);
  }

  /** Resolves when the session accepted the message; rejects with what the encoder throws, or why it never will. */
  send(lane: string, data: unknown): Promise<void> {
    if (!this.lifecycle.isOpen) return Promise.reject(this.refusal());
    if (this.operations?.followsSends === true) return this.#followed(lane, data, () => this.#send(lane, data));
    if (this.session !== undefined) return this.session.send(lane, data);
    return this.queues.message(lane, (session) => session.sendNow(lane, data));
  }

  /** The same where there is room; false where the message would have to wait. Throws what `send` rejects with. */
  trySend(lane: string, data: unknown): boolean {
    if (!this.lifecycle.isOpen) throw this.refusal();
    if (this.operations?.followsSends === true && this.maySend(lane)) {
      return this.#followed(lane, data, () => this.session?.trySend(lane, data) === true);
    }
    return this.session?.trySend(lane, data) === true;
  }

  /**
   * The same for what was encoded once for many; undefined when it was accepted at once, and where this end closes, which
   * is one of the many no more. Throws what the encoder throws.
   */
  sendEncoded(lane: string, message: EncodedMessage): Promise<void> | undefined {
    if (!this.lifecycle.isOpen) return undefined;
    if (this.session !== undefined) return this.session.sendEncoded(lane, message);
    return this.queues.message(lane, (session) => session.sendEncodedNow(lane, message));
  }

  /** Resolves when there was room for a message, or, for one of the user's with `confirm`, when it was handled. */
  sendUntil(lane: string, data: unknown, { confirm, until }: SendOptions): Promise<void> {
    if (!this.lifecycle.isOpen) return Promise.reject(this.refusal());
    const sendMessage = (id: number, done: () => void): void => {
      if (confirm) {
        this.queues.current.sendConfirmed(lane, id, data, done);
      } else {
        this.queues.current.sendNow(lane, data);
        done();
      }
    };
    if (this.operations?.followsSends !== true) return this.requests.message(lane, until, sendMessage);
    return this.#followed(lane, data, () => this.requests.message(lane, until, sendMessage));
  }

  request(lane: string, data: unknown, options: AskOptions): Promise<unknown> {
    if (!this.lifecycle.isOpen) return Promise.reject(this.refusal());
    const sendRequest = (id: number, timeoutMs: number | undefined): void =>
      this.queues.current.request(lane, id, data, timeoutMs);
    if (this.operations?.followsRequests !== true) return this.requests.ask(lane, options, sendRequest);
    const asked = { peer: this.handle, lane, data };
    return this.operations.request(asked, () => this.requests.ask(lane, options, sendRequest));
  }

  /** Resolves with the milliseconds an echo of `data` took. */
  async ping(data: unknown, options: AskOptions): Promise<number> {
    if (!this.lifecycle.isOpen) throw this.refusal();
    const { clock } = this.options;
    const askedAt = clock.now();
    await this.requests.ask('', options, (id) => this.queues.current.ping(id, data));
    return Math.round(clock.now() - askedAt);
  }

  /** Resolves when everything sent so far was acknowledged, and handled if that is waited for, or the session is over. */
  async flush(): Promise<void> {
    const { messages } = this.requests;
    await this.queues.flush();
    while (messages.isOpen()) await this.#settled.next();
  }

  /** Keeps messages and requests of the user's from arriving, until it is resumed for every reason it was paused for. */
  pause(reason: string): void {
    this.#pauses = new Set(this.#pauses).add(reason);
    this.session?.pause();
  }

  resume(reason: string): void {
    this.#pauses = new Set([...this.#pauses].filter((other) => other !== reason));
    if (this.#pauses.size > 0) return;
    // What was held back has nothing to do with who resumes.
    const tracer = this.operations?.tracer;
    if (tracer === undefined) this.session?.resume();
    else tracer.outside(() => this.session?.resume());
  }

  /** The user's messages as they come, until the conversation ends. A loop that is slow has the peer wait. */
  messages(): AsyncIterableIterator<unknown> {
    this.#inbox ??= new Inbox(this);
    return this.#inbox.messages();
  }

  /** The loops that read the user's messages; undefined where there was none yet. */
  get loops(): Inbox | undefined {
    return this.#inbox;
  }

  /** Resolves when there is room for a message, or the peer was dropped as slow, is gone or has no link. */
  whenRoom(): Promise<void> {
    return (this.lifecycle.isOpen && this.session?.whenRoom()) || resolved;
  }

  /** Resolves when nothing is owed: no send waits, no request is open either way, all is flushed. */
  protected async whenIdle(): Promise<void> {
    for (;;) {
      await this.flush();
      if (this.queues.user.length + this.requests.open + this.#answersOwed === 0) return;
      await this.#settled.next();
    }
  }

  /**
   * Lets nothing new into the present session and calls `then` when all of it is finished: requests answered either way,
   * messages acknowledged. What is sent meanwhile waits for the next session, what a pause held back arrives.
   */
  protected finishSession(then: (session: Session) => void): void {
    const { session } = this;
    if (session === undefined) return;
    session.seal();
    session.resume();
    const finished = async (): Promise<void> => {
      while (this.session === session && this.requests.sent + this.#answersOwed > 0) await this.#settled.next();
      if (this.session === session) await session.flushSent();
      if (this.session === session) then(session);
    };
    void finished();
  }

  /** Carries on in `session`; the messages `first` go before all that waits. Returns those it cannot take. */
  protected bind(session: Session, first: readonly Entry[] = []): Entry[] {
    if (this.#pauses.size > 0) session.pause();
    this.session = this.queues.session = session;
    const refused = first.filter(({ data }) => {
      try {
        session.sendNow('', data);
        return false;
      } catch {
        return true;
      }
    });
    session.drain();
    return refused;
  }

  /** Ends the present session. Returns the user's messages that nobody acknowledged. */
  protected unbind(error: BusError): Entry[] {
    const { session } = this;
    if (session === undefined) return [];
    const unacknowledged = session.finish();
    this.session = this.queues.session = undefined;
    const left = unacknowledged.filter((entry) => entry.lost?.() !== true);
    this.incoming.cancelAll(error);
    this.requests.sessionLost(error, this.queues.user);
    return left;
  }

  /** Rejects all that waits; for when nothing will be sent any more. */
  protected fail(error: BusError): void {
    this.queues.fail(error);
    this.requests.fail(error);
    this.endMessages();
  }

  protected endMessages(): void {
    this.#inbox?.end();
  }

  /** `follower`: somebody follows it, and hears when it was handled; null where that is not wanted. */
  onMessage(frame: MessageFrame, lane: string, follower?: Settled | null): void {
    const { data, id, size } = frame;
    const { operations } = this;
    const isFollowed = frame.trace !== undefined || operations?.followsMessages === true;
    if (isFollowed && follower === undefined && operations !== undefined) {
      operations.receive(arrivalOf(this, frame, lane), (followed) => this.onMessage(frame, lane, followed ?? null));
      return;
    }
    const isConfirmed = id !== undefined && this.session?.handles === true;
    const handling = isConfirmed ? this.incoming.handling(id, lane, follower) : followedHandling(follower);
    if (isConfirmed && handling === undefined) return;
    this.events.messageFrom(this.handle, lane, data, handling);
    if (lane === '') this.#inbox?.push(data, size, handling);
    handling?.done();
  }

  onRequest(asked: RequestFrame, lane: string, heardAt: number, follower?: Settled | null): void {
    const { id, data, timeoutMs } = asked;
    const { operations } = this;
    const isFollowed = asked.trace !== undefined || operations?.followsHandlers === true;
    if (isFollowed && follower === undefined && operations !== undefined) {
      operations.handle(arrivalOf(this, asked, lane), (followed) =>
        this.onRequest(asked, lane, heardAt, followed ?? null),
      );
      return;
    }
    const request = this.incoming.begin(id, lane, timeoutMs, heardAt, follower);
    if (request !== undefined) this.events.requestFrom(this.handle, request, data);
  }

  maySend(lane: string): boolean {
    return this.session?.maySend(lane) === true;
  }

  queue(waiting: Waiting, lane: string): void {
    if (this.maySend(lane)) sendOrFail(waiting);
    else this.queues.of(lane).push(waiting);
  }

  cancel(lane: string, id: number): void {
    this.session?.cancel(lane, id);
  }

  roundTrip(ms: number): void {
    this.traffic.roundTrip(ms);
  }

  settled(): void {
    if (this.#settled.isAwaited) this.#settled.wake();
  }

  /** As `SendQueues.message`: what is sent later is so in the context of now. */
  keepContext<Given extends readonly unknown[]>(task: (...given: Given) => void): (...given: Given) => void {
    return this.operations?.tracer?.bind(task) ?? task;
  }

  #send(lane: string, data: unknown): Promise<void> {
    return this.session?.send(lane, data) ?? this.queues.message(lane, (session) => session.sendNow(lane, data));
  }

  #followed<Result>(lane: string, data: unknown, task: () => Result): Result {
    return this.operations === undefined ? task() : this.operations.send({ peer: this.handle, lane, data }, task);
  }

  /** Why nothing can be sent now nor later. */
  protected abstract refusal(): BusError;

  reading(): void {}

  get #answersOwed(): number {
    return this.incoming.open + (this.session?.backlog ?? 0);
  }
}
