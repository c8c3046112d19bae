import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import type { EncodedMessage } from '../wire/dialect.ts';
import type { RemoteFailure, RequestId } from '../wire/frames.ts';
import type { SessionDialect, SessionLimits } from './dialect.ts';
import { ReadingSession } from './reading-session.ts';
import type { Entry } from './replay-buffer.ts';
import { SendQueue, type SlowConsumerPolicy } from './send-queue.ts';
import type { Operations } from './operations.ts';
import type { SessionEvents } from './session-events.ts';
import type { Traffic } from './traffic.ts';
import { Signal } from '../base/wait.ts';

/** What `send` returns while there is room: one promise for all. */
const accepted: Promise<void> = Promise.resolve();

/** Bytes that a link garbled come right over another one; a frame that fails as often as this never does. */
const mostDecodeFailures = 3;

/**
 * What waits for room, from one session to the next. The user's own messages and requests and those of plugins' lanes wait
 * apart, since a peer's `pause` holds back only the first.
 */
export class SendQueues {
  readonly user: SendQueue;
  readonly lanes = new SendQueue('wait');
  readonly #operations: Operations | undefined;
  /** The present session. */
  session: Session | undefined;

  constructor(policy: SlowConsumerPolicy, operations?: Operations) {
    this.user = new SendQueue(policy);
    this.#operations = operations;
  }

  /** The present session. @throws BusError `ERR_CLOSED` when there is none. */
  get current(): Session {
    if (this.session === undefined) throw new BusError('ERR_CLOSED');
    return this.session;
  }

  of(lane: string): SendQueue {
    return lane === '' ? this.user : this.lanes;
  }

  /** Resolves when a session accepted what `send` sends, or rejects why none ever will. */
  message(lane: string, send: (session: Session) => void): Promise<void> {
    const later = this.#operations?.tracer?.bind(send) ?? send;
    return new Promise((resolve, reject) => {
      const go = (): void => {
        later(this.current);
        resolve();
      };
      this.of(lane).push({ kind: 'message', send: go, fail: reject });
    });
  }

  /** Resolves when everything sent so far, and what waits for room, was acknowledged, or will never be. */
  flush(): Promise<void> {
    if (this.user.length === 0) return this.session?.flushSent() ?? accepted;
    return new Promise((resolve) => {
      const send = (): void => this.current.whenFlushed(resolve);
      this.user.follow({ kind: 'request', send, fail: () => resolve() });
    });
  }

  /** Rejects all that waits; for when nothing will be sent any more. */
  fail(error: BusError): void {
    this.user.fail(error);
    this.lanes.fail(error);
  }
}

/**
 * One conversation over successive links. It does no I/O and reads no time of its own: bytes come in through `read`,
 * leave through the link it is attached to, and the clock is the one given.
 */
export class Session extends ReadingSession {
  readonly #queues: SendQueues;
  readonly #traffic: Traffic | undefined;
  readonly #room = new Signal();
  /** The peer is about to move to another session: what is new waits for that one. */
  #sealed = false;
  /** How many links in a row broke on the same frame, which could not be decoded. */
  #decodeFailures = 0;
  #failedBehind = -1;
  /** The peer was dropped as slow, until it reads again. */
  #slow = false;

  constructor(dialect: SessionDialect, events: SessionEvents, queues: SendQueues, clock: Clock, limits: SessionLimits) {
    super(dialect, events, clock, limits);
    this.#queues = queues;
    this.#traffic = events.traffic;
  }

  /** How many frames the peer acknowledged. */
  get ackedByPeer(): number {
    return this.out.replay.acknowledged;
  }

  /** How many it did not yet. */
  get unacknowledged(): number {
    return this.out.replay.count;
  }

  /** Large bodies that wait to be sent in parts. */
  get uncut(): { readonly messages: number; readonly bytes: number } {
    const { pendingBytes, replay, queued } = this.out;
    return { messages: queued.count, bytes: this.reliable ? pendingBytes - replay.bytes : 0 };
  }

  /** Whether something new for `lane` would go out at once. */
  maySend(lane: string): boolean {
    if (this.#sealed) return false;
    if (lane === '') return !this.peerPaused && this.#queues.user.length === 0 && this.out.hasRoom(true);
    return this.#queues.lanes.length === 0 && this.out.hasRoom(false);
  }

  /** Resolves when the message was accepted; rejects with what the encoder throws, or why it never will be. */
  send(lane: string, data: unknown): Promise<void> {
    try {
      if (this.trySend(lane, data)) return accepted;
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#queues.message(lane, (session) => session.sendNow(lane, data));
  }

  /** The same where there is room; false where the message would have to wait. Throws what the encoder throws. */
  trySend(lane: string, data: unknown): boolean {
    if (!this.maySend(lane)) return false;
    this.sendNow(lane, data);
    return true;
  }

  /**
   * Sends a message whether there is room or not. `entry` hears what becomes of it; without one, a message of the user's is
   * answered for when a session that keeps messages is lost.
   */
  sendNow(lane: string, data: unknown, confirm = false, entry?: Entry, id?: number): void {
    const isKept = id === undefined && this.reliable && lane === '';
    const bytes = this.out.message(lane, data, confirm, entry ?? (isKept ? { data, lane: 0 } : undefined), id);
    this.#traffic?.sent('message', lane, id, data, bytes);
  }

  /**
   * The same for a message whose answer is that of request `id`; an older peer gives none, and `acknowledged`
   * is called when it took the message.
   */
  sendConfirmed(lane: string, id: number, data: unknown, acknowledged: () => void): void {
    if (!this.reliable) {
      throw new BusError('ERR_PEER_LACKS_FEATURE', 'A net-ipc peer acknowledges nothing, so nothing is confirmed');
    }
    if (this.handles) this.sendNow(lane, data, true, undefined, id);
    else this.sendNow(lane, data, true, { data, lane: 0, acknowledged, lost: () => true });
  }

  /**
   * Sends what was encoded once for many; undefined when it was accepted at once. A peer that was dropped as slow gets
   * nothing more until it reads again. Throws what the encoder throws.
   */
  sendEncoded(lane: string, message: EncodedMessage): Promise<void> | undefined {
    if (this.maySend(lane)) {
      this.sendEncodedNow(lane, message);
      return undefined;
    }
    if (this.#slow) return Promise.reject(new BusError('ERR_SLOW_CONSUMER'));
    return this.#queues.message(lane, (session) => session.sendEncodedNow(lane, message));
  }

  /** The same whether there is room or not. */
  sendEncodedNow(lane: string, message: EncodedMessage): void {
    const bytes = this.out.encoded(lane, message, lane === '');
    this.#traffic?.sent('message', lane, 0, message.data, bytes);
  }

  /** Asks. Throws what the encoder throws, as the others do that follow. */
  request(lane: string, id: number, data: unknown, timeoutMs: number | undefined): void {
    const bytes = this.out.request(lane, id, data, timeoutMs);
    this.#traffic?.sent('request', lane, id, data, bytes);
  }

  ping(id: number, data: unknown): void {
    this.out.ping(id, data);
  }

  /** Answers a request. */
  respond(lane: string, id: RequestId, data: unknown): void {
    const bytes = this.out.response(lane, id, data);
    this.#traffic?.sent('response', lane, id, data, bytes);
  }

  /** Answers one with an error. */
  fail(lane: string, id: RequestId, error: RemoteFailure): void {
    const bytes = this.out.failure(lane, id, error);
    this.#traffic?.sent('failure', lane, id, error, bytes);
  }

  pong(id: RequestId, data: unknown): void {
    this.out.pong(id, data);
  }

  /** Gives a request up. */
  cancel(lane: string, id: number): void {
    if (!this.reliable) return;
    const bytes = this.out.cancel(lane, id);
    this.#traffic?.sent('cancel', lane, id, undefined, bytes);
  }

  /** Says that the session is over. A reason that cannot be encoded does not travel. */
  end(reason: unknown, allowReconnect: boolean, code?: string): void {
    this.out.end(reason, allowReconnect, code);
  }

  /** Resolves when everything sent so far was acknowledged, or the session is over. */
  flushSent(): Promise<void> {
    return new Promise((resolve) => this.whenFlushed(resolve));
  }

  /** Calls `done` once everything sent so far was acknowledged or, where nothing is, handed to the system. */
  whenFlushed(done: () => void): void {
    this.out.flush();
    this.flushes.add(done);
  }

  /** Resolves when a message of the user's would go out at once, or none ever will, or the peer is slow or has no link. */
  whenRoom(): Promise<void> {
    return this.#slow || !this.attached || this.maySend('') ? accepted : this.#room.next();
  }

  /** Resolves when the peer is dropped as slow, or the session has ended. */
  async whenSlow(): Promise<void> {
    while (!this.#slow && !this.ended) await this.#room.next();
  }

  drain(): void {
    const { user, lanes } = this.#queues;
    this.#slow = false;
    if (user.length > 0) user.drain(() => !this.#sealed && !this.peerPaused && this.out.hasRoom(true));
    if (lanes.length > 0) lanes.drain(() => !this.#sealed && this.out.hasRoom(false));
    if (this.#room.isAwaited && this.maySend('')) this.#room.wake();
  }

  /** Lets nothing new in. */
  seal(): void {
    this.#sealed = true;
  }

  /** Whether `attach` would succeed for a peer that has received this much. */
  canReplay(peerReceived: number): boolean {
    const { acknowledged, sequence } = this.out.replay;
    return peerReceived >= acknowledged && peerReceived <= sequence;
  }

  /** Whether the peer's next frame cannot be read over any link, so that the session would break on it again and again. */
  isStuckOn({ code }: BusError): boolean {
    if (!this.reliable || (code !== 'ERR_PROTOCOL' && code !== 'ERR_TOO_LARGE')) return false;
    this.#decodeFailures = this.received === this.#failedBehind ? this.#decodeFailures + 1 : 1;
    this.#failedBehind = this.received;
    return this.#decodeFailures >= mostDecodeFailures;
  }

  /** The link is gone, perhaps for long: nobody waits for room. */
  override detach(): void {
    super.detach();
    this.#room.wake();
  }

  onStall(): void {
    // A peer that asked for a pause is not slow, as long as its link takes what is sent.
    if (this.peerPaused && this.out.isWritten) return;
    this.#slow = true;
    this.#room.wake();
    this.events.onSlow();
  }
}
