import type { Clock, Timer } from '../base/clock.ts';
import { asBusError, BusError } from '../base/errors.ts';
import type { RemoteFailure, RequestId } from '../wire/frames.ts';
import { Backlog, type BacklogSession } from './backlog.ts';
import { Delivery } from './delivery.ts';
import type { ControlKind, SessionLink } from './write-queue.ts';
import type { SessionDialect, SessionLimits } from './dialect.ts';
import { Flushes } from './flushes.ts';
import type { LinkReader } from './link-port.ts';
import { Liveness, type LivenessEvents } from './liveness.ts';
import { type ControlEvents, Receiver } from './receiver.ts';
import { Sender } from './sender.ts';
import type { Entry } from './replay-buffer.ts';
import type { SessionEvents } from './session-events.ts';
import { TimeSlice } from './time-slice.ts';

const ackDelayMs = 100;
/** As much as a socket hands over at a time. */
const readBytes = 65_536;

/** What a session does with its link and with what comes over it; `Session` adds what it sends. */
export abstract class ReadingSession implements LinkReader, ControlEvents, LivenessEvents, BacklogSession {
  /** What is sent is kept until it was acknowledged, and survives its link: between two busbar ends. */
  readonly reliable: boolean;
  /** Both ends answer for confirmed messages once they were handled. */
  readonly handles: boolean;
  readonly traces: boolean;
  /** The peer asked for messages and requests of lane 0 to wait. */
  peerPaused = false;
  protected readonly events: SessionEvents;
  protected readonly out: Sender;
  protected readonly flushes: Flushes;
  readonly #dialect: SessionDialect;
  readonly #clock: Clock;
  readonly #in: Receiver;
  readonly #delivery: Delivery;
  readonly #backlog: Backlog;
  readonly #liveness: Liveness;
  readonly #slice: TimeSlice;
  readonly #maxHeldBytes: number;
  #link: SessionLink | undefined;
  #ackTimer: Timer | undefined;
  #closing = false;
  #peerCloses = false;

  constructor(dialect: SessionDialect, events: SessionEvents, clock: Clock, limits: SessionLimits) {
    const { encoder, decoder, slab, reliable, handles, traces } = dialect;
    const { maxUnackedBytes: maxBytes, maxPendingMessages: maxMessages } = limits;
    this.reliable = reliable;
    this.handles = handles;
    this.traces = traces;
    this.events = events;
    this.#dialect = dialect;
    this.#clock = clock;
    this.#slice = new TimeSlice(clock);
    this.#maxHeldBytes = maxBytes * 2;
    const liveness = new Liveness(clock, limits, this);
    this.#liveness = liveness;
    this.#backlog = new Backlog(events, this, clock, maxBytes);
    this.#delivery = new Delivery(this.#backlog, events, !reliable);
    this.#in = new Receiver({ decoder, reliable, control: this, events, delivery: this.#delivery, liveness });
    const { requests: asker } = events;
    this.out = new Sender({ clock, encoder, slab, reliable, maxBytes, maxMessages, acks: this.#in, asker, liveness });
    // Whoever takes nothing is sent no large echoes, which would only be dropped when they are whole.
    if (decoder.skipsPings !== undefined) decoder.skipsPings = () => this.out.pendingBytes >= this.#maxHeldBytes;
    this.flushes = new Flushes(clock, this.out, reliable);
  }

  /** How many sequenced frames of the peer's arrived; what a resumed link tells the peer. */
  get received(): number {
    return this.#in.received;
  }

  /** While what came is being read, when it came; undefined at all other times. */
  get readingSince(): number | undefined {
    return this.out.corked ? this.#liveness.heardAt : undefined;
  }

  get attached(): boolean {
    return this.#link !== undefined;
  }

  get ended(): boolean {
    return this.#delivery.isOver;
  }

  /** Something came that waits for `open` or `resume`. */
  get hasUnheard(): boolean {
    return this.#delivery.heldBytes > 0;
  }

  /** How much that the peer asked waits to be begun. */
  get backlog(): number {
    return this.#backlog.length;
  }

  /** Accepted bytes that the peer has not acknowledged, as far as known. */
  get pendingBytes(): number {
    return this.out.pendingBytes;
  }

  pendingBytesOf(lane: string): number {
    return this.out.pendingBytesOf(lane);
  }

  /**
   * Carries on over `link`, sending again what the peer has not received. False: the peer claims to have received
   * what was never sent, or lacks what is gone, so that this session cannot continue.
   */
  attach(link: SessionLink, peerReceived: number): boolean {
    this.#link = link;
    this.peerPaused = false;
    this.#in.forgetAcks();
    if (!this.out.attach(link, peerReceived)) {
      this.#link = undefined;
      return false;
    }
    if (this.#delivery.isPaused) this.#pausePeer();
    this.#liveness.start();
    this.flushes.settle();
    return true;
  }

  /** The link is gone; what is sent from now on waits for the next one. */
  detach(): void {
    if (this.#link === undefined) return;
    this.out.detach();
    this.#link = undefined;
    this.#dialect.decoder.restart?.();
    this.#liveness.stop();
    this.#ackTimer?.cancel();
    this.#ackTimer = undefined;
  }

  read(bytes: Uint8Array): number {
    const link = this.#link;
    if (link === undefined) return bytes.length;
    let taken = 0;
    let goesOn = this.#slice.begin(this.#liveness.heard());
    this.out.corked = true;
    try {
      while (goesOn && taken < bytes.length) {
        taken += this.#in.feed(bytes.subarray(taken, taken + readBytes));
        goesOn = this.#slice.goesOn(this.#clock.now()) && this.#link === link;
      }
    } catch (error) {
      this.out.uncork();
      this.events.onLinkLost(asBusError(error, 'ERR_PROTOCOL'));
      return bytes.length;
    }
    // An honest peer stops at its own limit; one that does not is stopped by the system's buffers.
    if (this.#delivery.heldBytes > this.#maxHeldBytes) this.#link?.pause();
    this.out.uncork(!this.#in.ackIsUrgent);
    this.#scheduleAck();
    // What a link that was given up brought besides is none of the next one's.
    return this.#link === link ? taken : bytes.length;
  }

  drained(): void {
    this.#liveness.progressed();
    this.out.flush();
    this.flushes.settle();
    this.room();
  }

  closed(): void {
    this.failed();
  }

  failed(error?: BusError): void {
    this.#delivery.lastWords();
    this.events.onLinkLost(error);
  }

  /** Has what the peer asked begun, and sends what waits, as far as there is room. */
  room(): void {
    this.#backlog.drain();
    this.drain();
    this.events.settled();
  }

  /** Sends what waits, as far as there is room. */
  abstract drain(): void;

  /** Keeps messages and requests of lane 0 from their handlers, and tells the peer to hold them back. */
  pause(): void {
    if (this.#delivery.isPaused) return;
    this.#delivery.pause();
    this.#pausePeer();
  }

  /** The same as this end is about to close; but what a peer that closes too waits for comes through. */
  pauseToClose(): void {
    if (this.#closing) return;
    this.#closing = true;
    // Else the peer would take the word that this end closes for one that ends the pause.
    if (this.#delivery.isPaused) this.#resumePeer();
    this.#pausePeer();
    if (!this.#peerCloses) this.#delivery.isPaused = true;
    else if (this.#delivery.isPaused) this.#delivery.resume();
  }

  /** Has no effect on an end that closes, unless the peer closes too. */
  resume(): void {
    if (!this.#delivery.isPaused || (this.#closing && !this.#peerCloses)) return;
    this.#delivery.resume();
    if (this.#delivery.isPaused) this.#scheduleAck();
    else this.#resumePeer();
  }

  /** Delivers answers only, until `open`; the peer continues sending until it has no room, which costs no frame. */
  shut(): void {
    this.#delivery.isShut = true;
  }

  open(): void {
    if (!this.#delivery.isShut) return;
    this.#delivery.open();
    if (this.isListening) this.#link?.resume();
    this.heard();
  }

  heard(): void {
    if (this.#in.ackIsUrgent) this.out.flush();
    this.#scheduleAck();
  }

  say(kind: ControlKind): void {
    this.out.control(kind);
  }

  abstract pong(id: RequestId, data: unknown): void;
  abstract fail(lane: string, id: RequestId, error: RemoteFailure): void;

  onAck(received: number): void {
    const { replay } = this.out;
    const ahead = replay.howFarAhead(received);
    if (ahead === 0) return;
    this.#liveness.progressed();
    replay.acknowledge(replay.acknowledged + ahead);
    this.flushes.settle();
    this.room();
  }

  onPause(): void {
    this.peerPaused = true;
  }

  onResume(): void {
    // Of a peer that did not pause: it is about to close.
    this.#peerCloses ||= !this.peerPaused;
    if (this.#peerCloses && this.#closing) this.#delivery.resume();
    this.peerPaused = false;
    this.#liveness.progressed();
    this.room();
  }

  get isListening(): boolean {
    const takesMore = !this.#delivery.isPaused || this.reliable || this.#closing;
    return takesMore && this.#delivery.heldBytes <= this.#maxHeldBytes;
  }

  onSilence(silentMs: number): void {
    this.events.onLinkLost(new BusError('ERR_TIMEOUT', `The peer sent nothing for ${Math.round(silentMs)} ms`));
  }

  onIdle(): void {
    this.#dialect.slab.release();
  }

  abstract onStall(): void;

  /** The session is over; what the peer said is heard. Returns the entries that were never acknowledged, in order. */
  finish(): Entry[] {
    this.#backlog.end();
    this.#delivery.isOver = true;
    this.detach();
    this.flushes.end();
    return this.out.abandon();
  }

  #pausePeer(): void {
    if (this.reliable) this.out.control(this.#closing ? 'closing' : 'pause');
    else if (!this.#closing) this.#link?.pause();
  }

  #resumePeer(): void {
    this.#link?.resume();
    if (this.reliable) this.out.control('resume');
  }

  #scheduleAck(): void {
    if (this.#ackTimer !== undefined || !this.#in.ackIsDue || this.#link === undefined) return;
    const acknowledge = (): void => {
      this.#ackTimer = undefined;
      this.out.flush();
    };
    this.#ackTimer = this.#clock.setTimer(acknowledge, ackDelayMs, true);
  }
}
