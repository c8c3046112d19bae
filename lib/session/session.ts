import type { Clock, Timer } from '../base/clock.ts';
import { asBusError, BusError } from '../base/errors.ts';
import type { ControlFrame } from '../wire/frames.ts';
import { Flushes } from './flushes.ts';
import type { Entry } from './outbox.ts';
import { Receiver } from './receiver.ts';
import { Sender } from './sender.ts';
import type { SessionDialect } from './session-dialect.ts';
import type { SessionLimits, SessionOwner } from './session-owner.ts';
import { TimeSlice } from './time-slice.ts';
import type { Outlet } from './outflow.ts';
import { Watch, type Watched } from './watch.ts';

/** What a session needs of a link, beyond writing. */
export interface SessionLink extends Outlet {
  pause(): void;
  resume(): void;
}

const ackDelayMs = 100;
/** As much as a socket hands over at a time. */
const readBytes = 65_536;

/**
 * One conversation over successive links. It does no I/O and reads no time of its own: bytes come in through
 * `receiveBytes`, leave through the link it is attached to, and the clock is the one given.
 */
export class Session {
  static readonly #watched: Watched<Session> = {
    pending: (session) => session.out.pendingBytes > 0,
    listening: (session) =>
      (!session.paused || session.tier === 'session') && session.#receiver.heldBytes <= session.#maxHeldBytes,
    heartbeat: (session) => session.out.control('heartbeat'),
    dead: (session, silentMs) =>
      session.#owner.broken(new BusError('ERR_TIMEOUT', `The peer sent nothing for ${Math.round(silentMs)} ms`)),
    // A peer that asked for a pause is not slow, as long as its link takes what is sent.
    slow: (session) => void ((session.#peerPaused && session.out.isWritten) || session.#owner.slow()),
    idle: (session) => session.#dialect.slab.release(),
  };
  readonly tier: 'legacy' | 'session';
  readonly handles: boolean;
  readonly #dialect: SessionDialect;
  readonly #owner: SessionOwner;
  readonly #clock: Clock;
  /** What this end sends. */
  readonly out: Sender;
  readonly #receiver: Receiver;
  readonly #watch: Watch<Session>;
  readonly #flushes: Flushes;
  readonly #slice = new TimeSlice();
  readonly #maxHeldBytes: number;
  #link: SessionLink | undefined;
  #ackTimer: Timer | undefined;
  #peerPaused = false;
  #closing = false;
  #peerCloses = false;

  constructor(dialect: SessionDialect, owner: SessionOwner, clock: Clock, limits: SessionLimits) {
    this.tier = dialect.tier;
    this.handles = dialect.handles === true;
    this.#dialect = dialect;
    this.#owner = owner;
    this.#clock = clock;
    this.#maxHeldBytes = limits.maxUnackedBytes * 2;
    const { encoder, decoder, slab } = dialect;
    const keeps = dialect.tier === 'session';
    const control = (frame: ControlFrame): void => this.#control(frame);
    const heardAt = (): number => this.#watch.heardAt;
    this.#receiver = new Receiver({ decoder, counts: keeps, taker: owner, control, heardAt });
    this.#watch = new Watch(clock, limits, Session.#watched, this);
    this.out = new Sender({
      clock,
      encoder,
      slab,
      keeps,
      maxBytes: limits.maxUnackedBytes,
      maxMessages: limits.maxPendingMessages,
      asker: owner.questions,
      acks: this.#receiver,
      watch: this.#watch,
    });
    this.#flushes = new Flushes(clock, this.out, !keeps);
  }

  /** How many sequenced frames of the peer's arrived; what a resumed link tells the peer. */
  get received(): number {
    return this.#receiver.received;
  }

  get attached(): boolean {
    return this.#link !== undefined;
  }

  get ended(): boolean {
    return this.#receiver.over;
  }

  /** True while the peer asked for messages and requests of lane 0 to wait. */
  get peerPaused(): boolean {
    return this.#peerPaused;
  }

  get paused(): boolean {
    return this.#receiver.paused;
  }

  /**
   * Carries on over `link`, sending again what the peer has not received. False: the peer claims to have received
   * what was never sent, or lacks what is gone, so that this session cannot go on.
   */
  attach(link: SessionLink, peerReceived: number): boolean {
    this.#link = link;
    this.#peerPaused = false;
    this.#receiver.forgetAcks();
    if (!this.out.attach(link, peerReceived)) {
      this.#link = undefined;
      return false;
    }
    if (this.#receiver.paused) this.#holdPeer();
    this.#watch.start();
    this.#flushes.settle();
    return true;
  }

  /** The link is gone; what is sent from now on waits for the next one. */
  detach(): void {
    if (this.#link === undefined) return;
    this.out.detach();
    this.#link = undefined;
    this.#dialect.decoder.restart?.();
    this.#watch.stop();
    this.#ackTimer?.cancel();
    this.#ackTimer = undefined;
  }

  /** Returns how many of `bytes` it took; the others are to come again, in a later turn of the event loop. */
  receiveBytes(bytes: Uint8Array): number {
    const link = this.#link;
    if (link === undefined) return bytes.length;
    this.#watch.heard();
    const { decoder } = this.#dialect;
    // Whoever takes nothing is sent no large echoes, which would only be dropped when they are whole.
    if (decoder.skipsPings !== undefined) decoder.skipsPings = this.out.pendingBytes >= this.#maxHeldBytes;
    let taken = 0;
    let goesOn = this.#slice.begin(this.#watch.heardAt);
    this.out.cork();
    try {
      while (goesOn && taken < bytes.length) {
        taken += this.#receiver.feed(bytes.subarray(taken, taken + readBytes));
        goesOn = this.#slice.goesOn(this.#clock.now()) && this.#link === link;
      }
    } catch (error) {
      this.out.uncork();
      this.#owner.broken(asBusError(error, 'ERR_PROTOCOL'));
      return bytes.length;
    }
    if (taken < bytes.length) this.#slice.end();
    // An honest peer stops at its own limit; one that does not is stopped by the system's buffers.
    if (this.#receiver.heldBytes > this.#maxHeldBytes) this.#link?.pause();
    if (this.#receiver.ackIsUrgent) this.out.uncork();
    else this.out.uncorkQuietly();
    this.#scheduleAck();
    // What a link that was given up brought besides is none of the next one's.
    return this.#link === link ? taken : bytes.length;
  }

  /** The link takes bytes again. */
  linkDrained(): void {
    this.#watch.progressed();
    this.out.flush();
    this.#flushes.settle();
    this.#owner.room();
  }

  pause(): void {
    if (this.#receiver.paused) return;
    this.#receiver.pause();
    this.#holdPeer();
  }

  /** Lets nothing more through to handlers, as this end is about to close; but what a peer that closes too waits for. */
  holdBack(): void {
    if (this.#receiver.paused) return;
    this.#closing = true;
    if (!this.#peerCloses) this.#receiver.pause();
    if (this.tier === 'session') this.out.control('closing');
  }

  resume(): void {
    if (!this.#receiver.paused) return;
    this.#receiver.resume();
    if (this.#receiver.paused) {
      this.#scheduleAck();
      return;
    }
    this.#link?.resume();
    if (this.tier === 'session') this.out.control('resume');
  }

  /** Something came that waits for `open` or `resume`. */
  get hasUnheard(): boolean {
    return this.#receiver.heldBytes > 0;
  }

  /** Delivers answers only, until `open`; the peer goes on sending until it has no room, which costs no frame. */
  shut(): void {
    this.#receiver.shut();
  }

  open(): void {
    if (!this.#receiver.isShut) return;
    this.#receiver.open();
    if (!this.#receiver.paused) this.#link?.resume();
    this.heard();
  }

  /** What was given on late was heard: it may be acknowledged. */
  heard(): void {
    if (this.#receiver.ackIsUrgent) this.out.flush();
    this.#scheduleAck();
  }

  goAway(): void {
    this.out.control('goingAway');
  }

  /** Calls `done` once everything sent so far was acknowledged (`session`) or handed to the system (`legacy`). */
  whenFlushed(done: () => void): void {
    this.out.flush();
    this.#flushes.add(done);
  }

  /** The session is over; returns the entries that were never acknowledged, in order. */
  finish(): Entry[] {
    this.#receiver.end();
    this.detach();
    this.#flushes.end();
    return this.out.abandon();
  }

  #control(frame: ControlFrame): void {
    switch (frame.type) {
      case 'ack':
        this.#acknowledged(frame.received);
        return;
      case 'heartbeat':
        this.out.control('heartbeatReply');
        return;
      case 'heartbeat-reply':
        return;
      case 'pause':
        this.#peerPaused = true;
        return;
      case 'resume':
        // Of a peer that did not pause: it is about to close.
        this.#peerCloses ||= !this.#peerPaused;
        if (this.#peerCloses && this.#closing) this.#receiver.resume();
        this.#peerPaused = false;
        this.#watch.progressed();
        this.#owner.room();
        return;
      case 'going-away':
        this.#owner.goingAway();
        return;
    }
  }

  #acknowledged(received: number): void {
    const { outbox } = this.out;
    const ahead = outbox.howFarAhead(received);
    if (ahead === 0) return;
    this.#watch.progressed();
    outbox.acknowledge(outbox.acknowledged + ahead);
    this.#flushes.settle();
    this.#owner.room();
  }

  #holdPeer(): void {
    if (this.tier === 'legacy') this.#link?.pause();
    else this.out.control('pause');
  }

  #scheduleAck(): void {
    if (this.#ackTimer !== undefined || !this.#receiver.ackIsDue || this.#link === undefined) return;
    this.#ackTimer = this.#clock.setTimer(
      () => {
        this.#ackTimer = undefined;
        this.out.flush();
      },
      ackDelayMs,
      true,
    );
  }
}
