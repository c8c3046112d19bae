import { BusError } from '../base/errors.ts';
import type { Entry } from '../session/outbox.ts';
import type { Session } from '../session/session.ts';
import { attempt, type SlowConsumerPolicy, type Waiting, WaitingSends } from '../session/waiting.ts';
import type { EncodedMessage } from '../wire/dialect.ts';
import { Wakers } from './wakers.ts';

/** What `message` returns while there is room: one promise for all. */
const accepted: Promise<void> = Promise.resolve();

/**
 * Everything one end sends: handed to the session while it has room, else waiting in order. The user's own messages and
 * requests and those of plugins' lanes wait apart, since a peer's `pause` holds back only the first.
 */
export class Sends {
  readonly #user: WaitingSends;
  readonly #lanes = new WaitingSends('wait');
  readonly #room = new Wakers();
  #session: Session | undefined;
  /** True while the peer is about to move to another session: what is new waits for that one. */
  #moving = false;
  #slow = false;

  constructor(policy: SlowConsumerPolicy) {
    this.#user = new WaitingSends(policy);
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** Sends of the user's that wait. */
  get waiting(): number {
    return this.#user.length;
  }

  /** Resolves when the session accepted the message; rejects what the encoder throws, or why it never will. */
  message(lane: string, data: unknown): Promise<void> {
    try {
      if (this.tryMessage(lane, data)) return accepted;
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#later(lane, (session) => session.out.message(lane, data, false, entryOf(session, lane, data)));
  }

  /** The same where there is room; false where the message would have to wait. Throws what the encoder throws. */
  tryMessage(lane: string, data: unknown): boolean {
    const session = this.#session;
    if (session === undefined || !this.#mayGo(session, lane)) return false;
    session.out.message(lane, data, false, entryOf(session, lane, data));
    return true;
  }

  /**
   * Sends what was encoded once for many; undefined when it was accepted at once. A peer given up as slow gets
   * nothing more until it takes something. Throws what the encoder throws.
   */
  encoded(lane: string, message: EncodedMessage): Promise<void> | undefined {
    const session = this.#session;
    if (session === undefined || !this.#mayGo(session, lane)) {
      if (this.#slow) return Promise.reject(new BusError('ERR_SLOW_CONSUMER'));
      return this.#later(lane, (current) => current.out.encoded(lane, message, lane === ''));
    }
    session.out.encoded(lane, message, lane === '');
    return undefined;
  }

  /** Hands a message of the user's to the session, which has room. Throws what the encoder throws. */
  now(data: unknown): void {
    const session = this.current();
    session.out.message('', data, false, entryOf(session, '', data));
  }

  /**
   * The same for one whose answer is that of question `id`; an older peer gives none, and `acknowledged` is called
   * when it took the message.
   */
  confirmed(id: number, data: unknown, acknowledged: () => void): void {
    const session = this.current();
    if (session.tier === 'legacy') {
      throw new BusError('ERR_PEER_LACKS_FEATURE', 'A net-ipc peer acknowledges nothing, so nothing is confirmed');
    }
    if (session.handles) session.out.message('', data, true, undefined, id);
    else session.out.message('', data, true, { data, lane: 0, acknowledged, lost: () => true });
  }

  /** Whether what is queued for `lane` would go out at once. */
  mayGo(lane: string): boolean {
    return this.#session !== undefined && this.#mayGo(this.#session, lane);
  }

  /** Sends at once if it may, else in its turn. */
  queue(waiting: Waiting, lane: string): void {
    if (this.mayGo(lane)) attempt(waiting);
    else this.#queueOf(lane).push(waiting);
  }

  /** Asks again in the next session. */
  again(retry: Waiting): void {
    this.#user.push(retry);
  }

  /** Resolves when everything sent so far was acknowledged, or the session is over. */
  flush(): Promise<void> {
    if (this.#user.length > 0) {
      return new Promise((resolve) => {
        const send = (): void => this.current().whenFlushed(resolve);
        this.#user.follow({ kind: 'request', send, fail: () => resolve() });
      });
    }
    const session = this.#session;
    if (session === undefined) return accepted;
    return new Promise((resolve) => session.whenFlushed(resolve));
  }

  /** Resolves when a message of the user's would go out at once, or none ever will, or the peer is slow or has no link. */
  whenRoom(): Promise<void> {
    const session = this.#session;
    if (this.#slow || session?.attached !== true || this.#mayGo(session, '')) return accepted;
    return this.#room.next();
  }

  /** Resolves when the peer is given up as slow, or the session is over. */
  async whenSlow(): Promise<void> {
    while (!this.#slow && this.#session !== undefined) await this.#room.next();
  }

  /** The link is gone, perhaps for long: nobody waits for room. */
  detach(): void {
    this.#session?.detach();
    this.#room.wake();
  }

  /** Sends what waits, as far as there is room. */
  drain(): void {
    this.#slow = false;
    const hasUserRoom = (): boolean => this.#session?.out.hasUserRoom === true;
    this.#user.drain(() => hasUserRoom() && !this.#moving && this.#session?.peerPaused === false);
    this.#lanes.drain(() => this.#session?.out.hasRoom === true && !this.#moving);
    if (this.mayGo('')) this.#room.wake();
  }

  /** The peer takes nothing: nobody waits for room of its any more. */
  gaveUpAsSlow(): void {
    this.#slow = true;
    this.#room.wake();
  }

  /** Rejects the user's messages that wait. */
  drop(error: BusError): void {
    this.#user.fail(error, (waiting) => waiting.kind === 'message');
  }

  /** Lets nothing new into the present session. */
  holdForNext(): void {
    this.#moving = true;
  }

  /** Carries on in `session`; the messages `first` go before all that waits. Returns those it cannot take. */
  bind(session: Session, first: readonly Entry[]): Entry[] {
    this.#session = session;
    this.#moving = false;
    const refused = first.filter(({ data }) => {
      try {
        session.out.message('', data, false, entryOf(session, '', data));
        return false;
      } catch {
        return true;
      }
    });
    this.drain();
    return refused;
  }

  /** The session is over. */
  unbind(): void {
    this.#session = undefined;
  }

  /** Rejects all that waits; for when nothing will be sent any more. */
  fail(error: BusError): void {
    this.#user.fail(error);
    this.#lanes.fail(error);
    this.#room.wake();
  }

  /** @throws BusError `ERR_CLOSED` when there is no session. */
  current(): Session {
    if (this.#session === undefined) throw new BusError('ERR_CLOSED');
    return this.#session;
  }

  #later(lane: string, send: (session: Session) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        send(this.current());
        resolve();
      };
      this.#queueOf(lane).push({ kind: 'message', send: go, fail: reject });
    });
  }

  #queueOf(lane: string): WaitingSends {
    return lane === '' ? this.#user : this.#lanes;
  }

  #mayGo(session: Session, lane: string): boolean {
    if (this.#moving) return false;
    if (lane === '') return session.out.hasUserRoom && this.#user.length === 0 && !session.peerPaused;
    return session.out.hasRoom && this.#lanes.length === 0;
  }
}

/** In the tier that keeps messages, the user's own are answered for when the session is lost. */
function entryOf(session: Session, lane: string, data: unknown): Entry | undefined {
  return lane === '' && session.tier === 'session' ? { data, lane: 0 } : undefined;
}
