import type { Clock, Timer } from '../base/clock.ts';
import { asBusError, BusError } from '../base/errors.ts';
import type { Decoder, EncodedMessage, Encoder } from '../wire/dialect.ts';
import type { ControlFrame, RemoteFailure, RequestId } from '../wire/frames.ts';
import type { Slab } from '../wire/slab.ts';
import type { Entry } from './outbox.ts';
import { Receiver, type UserFrame } from './receiver.ts';
import { type Outlet, Sender } from './sender.ts';
import { Watch } from './watch.ts';

/** The parts of a dialect that one session uses for as long as it lives. */
export interface SessionDialect {
  readonly tier: 'legacy' | 'session';
  readonly encoder: Encoder;
  readonly decoder: Decoder;
  readonly slab: Slab;
  /** Forgets what belonged to a broken link; undefined where a session is one link. */
  restart?(): void;
}

export interface SessionLimits {
  readonly maxUnackedBytes: number;
  readonly maxPendingMessages: number;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly slowConsumerMs: number;
}

/** What a session needs of a link, beyond writing. */
export interface SessionLink extends Outlet {
  pause(): void;
  resume(): void;
}

/** Who holds the session. No method may throw; `broken` may detach or end it. */
export interface SessionOwner {
  frame(frame: UserFrame, lane: string): void;
  goingAway(): void;
  /** There is room for messages again. */
  room(): void;
  /** The peer sent what is no frame, or is silent for too long: the link is of no use any more. */
  broken(error: BusError): void;
  /** The peer has taken nothing for `slowConsumerMs` although something waits for it. */
  slow(): void;
}

const ackDelayMs = 20;

/**
 * One conversation over successive links. It does no I/O and reads no time of its own: bytes come in through
 * `receiveBytes`, leave through the link it is attached to, and the clock is the one given.
 */
export class Session {
  readonly tier: 'legacy' | 'session';
  readonly #dialect: SessionDialect;
  readonly #owner: SessionOwner;
  readonly #clock: Clock;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #watch: Watch;
  #link: SessionLink | undefined;
  #ackTimer: Timer | undefined;
  #peerPaused = false;
  #ended = false;
  #flushWaiters: { readonly mark: number; readonly done: () => void }[] = [];

  constructor(dialect: SessionDialect, owner: SessionOwner, clock: Clock, limits: SessionLimits) {
    this.tier = dialect.tier;
    this.#dialect = dialect;
    this.#owner = owner;
    this.#clock = clock;
    this.#receiver = new Receiver({
      decoder: dialect.decoder,
      counts: dialect.tier === 'session',
      events: { frame: (frame, lane) => owner.frame(frame, lane), control: (frame) => this.#control(frame) },
    });
    this.#sender = new Sender({
      clock,
      encoder: dialect.encoder,
      slab: dialect.slab,
      keeps: dialect.tier === 'session',
      maxBytes: limits.maxUnackedBytes,
      maxMessages: limits.maxPendingMessages,
      takeAck: () => this.#receiver.takeAck(),
    });
    this.#watch = new Watch(clock, limits, {
      pending: () => this.#sender.pendingBytes > 0,
      listening: () => !(this.tier === 'legacy' && this.#receiver.paused),
      heartbeat: () => this.#sender.control('heartbeat'),
      dead: (silentMs) =>
        owner.broken(new BusError('ERR_TIMEOUT', `The peer sent nothing for ${Math.round(silentMs)} ms`)),
      slow: () => owner.slow(),
    });
  }

  /** How many sequenced frames of the peer's arrived; what a resumed link tells the peer. */
  get received(): number {
    return this.#receiver.received;
  }

  get attached(): boolean {
    return this.#link !== undefined;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** True while the peer asked for messages and requests of lane 0 to wait. */
  get peerPaused(): boolean {
    return this.#peerPaused;
  }

  get paused(): boolean {
    return this.#receiver.paused;
  }

  /** False asks to hold messages back until `room`. */
  get hasRoom(): boolean {
    return this.#sender.hasRoom;
  }

  /** Bytes and frames accepted that the peer has not taken, as far as the tier can tell. */
  get pendingBytes(): number {
    return this.#sender.pendingBytes;
  }

  get pendingFrames(): number {
    return this.#sender.outbox.count;
  }

  /**
   * Carries on over `link`, sending again what the peer has not received. False: the peer claims to have received
   * what was never sent, or lacks what is gone, so that this session cannot go on.
   */
  attach(link: SessionLink, peerReceived: number): boolean {
    this.#link = link;
    this.#peerPaused = false;
    this.#receiver.forgetAcks();
    if (!this.#sender.attach(link, peerReceived)) {
      this.#link = undefined;
      return false;
    }
    if (this.#receiver.paused) this.#holdPeer();
    this.#watch.start();
    return true;
  }

  /** Whether `attach` would succeed for a peer that has received this much. */
  canReplay(peerReceived: number): boolean {
    return this.#sender.canReplay(peerReceived);
  }

  /** The link is gone; what is sent from now on waits for the next one. */
  detach(): void {
    if (this.#link === undefined) return;
    this.#sender.detach();
    this.#link = undefined;
    this.#dialect.restart?.();
    this.#watch.stop();
    this.#ackTimer?.cancel();
    this.#ackTimer = undefined;
  }

  receiveBytes(bytes: Uint8Array): void {
    if (this.#link === undefined) return;
    this.#watch.heard();
    this.#sender.cork();
    try {
      this.#receiver.feed(bytes);
    } catch (error) {
      this.#sender.uncork();
      this.#owner.broken(asBusError(error, 'ERR_PROTOCOL'));
      return;
    }
    if (this.#receiver.ackIsUrgent) this.#sender.uncork();
    else this.#sender.uncorkQuietly();
    this.#scheduleAck();
  }

  /** The link takes bytes again. */
  linkDrained(): void {
    this.#watch.progressed();
    this.#sender.flush();
    this.#settleFlushes();
    this.#owner.room();
  }

  pause(): void {
    if (this.#receiver.paused) return;
    this.#receiver.pause();
    this.#holdPeer();
  }

  /** Lets nothing more through to handlers, without a word to the peer: this end is about to close. */
  holdBack(): void {
    this.#receiver.pause();
  }

  resume(): void {
    if (!this.#receiver.paused) return;
    this.#receiver.resume();
    if (this.#receiver.paused) return;
    if (this.tier === 'legacy') this.#link?.resume();
    else this.#sender.control('resume');
    this.#scheduleAck();
  }

  message(lane: string, data: unknown, confirm: boolean, entry?: Entry): void {
    this.#watch.sending();
    this.#sender.message(this.#sender.laneNumber(lane), data, confirm, entry);
  }

  encoded(lane: string, message: EncodedMessage, entry?: Entry): void {
    this.#watch.sending();
    this.#sender.encoded(this.#sender.laneNumber(lane), message, entry);
  }

  request(lane: string, id: number, data: unknown, timeoutMs: number | undefined, entry?: Entry): void {
    this.#watch.sending();
    this.#sender.request(this.#sender.laneNumber(lane), id, data, timeoutMs, entry);
  }

  response(lane: string, id: RequestId, data: unknown): void {
    this.#sender.response(this.#sender.laneNumber(lane), id, data);
  }

  failure(lane: string, id: RequestId, error: RemoteFailure): void {
    this.#sender.failure(this.#sender.laneNumber(lane), id, error);
  }

  cancel(lane: string, id: number): void {
    this.#sender.cancel(this.#sender.laneNumber(lane), id);
  }

  ping(id: number, data: unknown): void {
    this.#sender.ping(id, data);
  }

  pong(id: RequestId, data: unknown): void {
    this.#sender.pong(id, data);
  }

  end(reason: unknown, allowReconnect: boolean, code: string | undefined): void {
    this.#sender.end(reason, allowReconnect, code);
    this.#sender.flush();
  }

  goAway(): void {
    this.#sender.control('goingAway');
  }

  /** Calls `done` once everything sent so far was acknowledged (`session`) or handed to the system (`legacy`). */
  whenFlushed(done: () => void): void {
    this.#flushWaiters.push({ mark: this.#sender.mark, done });
    this.#settleFlushes();
  }

  /** The session is over; returns the entries that were never acknowledged, in order. */
  finish(): Entry[] {
    this.#ended = true;
    this.detach();
    const waiters = this.#flushWaiters;
    this.#flushWaiters = [];
    for (const { done } of waiters) done();
    return this.#sender.abandon();
  }

  #control(frame: ControlFrame): void {
    switch (frame.type) {
      case 'ack':
        this.#acknowledged(frame.received);
        return;
      case 'heartbeat':
        this.#sender.control('heartbeatReply');
        return;
      case 'heartbeat-reply':
        return;
      case 'pause':
        this.#peerPaused = true;
        return;
      case 'resume':
        this.#peerPaused = false;
        this.#owner.room();
        return;
      case 'going-away':
        this.#owner.goingAway();
        return;
    }
  }

  /** `low` is the count modulo 2^32; fewer frames than that are ever open. */
  #acknowledged(low: number): void {
    const { outbox } = this.#sender;
    const ahead = (low - outbox.acknowledged) >>> 0;
    if (ahead > outbox.count) {
      // A count behind ours is an acknowledgement that a broken link overtook.
      if ((outbox.acknowledged - low) >>> 0 < 0x8000_0000) return;
      throw new BusError('ERR_PROTOCOL', 'The peer acknowledged what was never sent');
    }
    if (ahead === 0) return;
    this.#watch.progressed();
    outbox.acknowledge(outbox.acknowledged + ahead);
    this.#settleFlushes();
    this.#owner.room();
  }

  #holdPeer(): void {
    if (this.tier === 'legacy') this.#link?.pause();
    else this.#sender.control('pause');
  }

  #scheduleAck(): void {
    if (this.#ackTimer !== undefined || !this.#receiver.ackIsDue || this.#link === undefined) return;
    this.#ackTimer = this.#clock.setTimer(
      () => {
        this.#ackTimer = undefined;
        this.#sender.flush();
      },
      ackDelayMs,
      true,
    );
  }

  #settleFlushes(): void {
    while (this.#flushWaiters.length > 0) {
      const first = this.#flushWaiters[0];
      if (first === undefined || !this.#sender.isFlushed(first.mark)) return;
      this.#flushWaiters.shift();
      first.done();
    }
  }
}
