import type { Clock } from '../base/clock.ts';
import { Queue } from '../base/queue.ts';
import type { MessageFrame, PingFrame, RemoteFailure, RequestFrame, RequestId, EndFrame } from '../wire/frames.ts';
import type { SessionEvents } from './session-events.ts';

export type HoldableFrame = MessageFrame | RequestFrame | PingFrame | EndFrame;

/** A frame that waits to be delivered. */
export interface Held {
  /** undefined: it was cancelled in the meantime. */
  frame: HoldableFrame | undefined;
  readonly lane: string;
  readonly sequence: number;
  readonly heardAt: number;
}

/**
 * What a frame that is held costs besides its bytes: about 150 in memory, and as garbage several times that until it is
 * collected, since what waited is collected late.
 */
const heldFrameBytes = 1_024;

/** Frames that arrived and wait to be delivered, in order. */
export class HeldFrames {
  /** What they cost. */
  bytes = 0;
  length = 0;
  readonly #queue = new Queue<Held>();
  /** Those among them that need an answer, until they are cancelled. */
  #answerable: Map<RequestId, Held> | undefined;

  get first(): Held | undefined {
    return this.#queue.first;
  }

  hold(frame: HoldableFrame, lane: string, sequence: number, heardAt: number): void {
    const held: Held = { frame, lane, sequence, heardAt };
    this.#queue.push(held);
    this.length += 1;
    this.bytes += frame.size + heldFrameBytes;
    const id = idOf(frame);
    if (id === undefined) return;
    this.#answerable ??= new Map();
    this.#answerable.set(id, held);
  }

  /** Moves all of them, in order, behind those that `to` says. */
  move(to: (frame: HoldableFrame, lane: string) => HeldFrames): void {
    for (let { first } = this; first !== undefined; { first } = this) {
      const { lane, sequence, heardAt } = first;
      const frame = this.shift();
      if (frame !== undefined) to(frame, lane).hold(frame, lane, sequence, heardAt);
    }
  }

  /** Cancels `id`, whose answer nobody waits for; false when it is not among them. */
  drop(id: RequestId): boolean {
    const held = this.#answerable?.get(id);
    if (held === undefined) return false;
    this.#empty(held);
    while (this.first !== undefined && this.first.frame === undefined) this.shift();
    return true;
  }

  /** Removes the first one, and returns its frame unless that was cancelled. */
  shift(): HoldableFrame | undefined {
    const held = this.#queue.shift();
    if (held === undefined) return undefined;
    this.length -= 1;
    const { frame } = held;
    this.#empty(held);
    this.bytes -= heldFrameBytes;
    return frame;
  }

  /** Releases the frame; its place in the order stays, and what that costs. */
  #empty(held: Held): void {
    const { frame } = held;
    if (frame === undefined) return;
    held.frame = undefined;
    this.bytes -= frame.size;
    const id = idOf(frame);
    if (id !== undefined && this.#answerable?.get(id) === held) this.#answerable.delete(id);
  }
}

function idOf(frame: HoldableFrame): RequestId | undefined {
  return frame.type === 'end' ? undefined : frame.id;
}

/** What may have to wait. */
export type Asking = MessageFrame | RequestFrame | PingFrame;

/** Whom what the peer says and asks is given to. */
type BacklogEvents = Pick<SessionEvents, 'onMessage' | 'onRequest'>;

/** Through what answers leave, and what keeps the peer waiting. */
export interface BacklogSession {
  readonly pendingBytes: number;
  pendingBytesOf(lane: string): number;
  pong(id: RequestId, data: unknown): void;
  fail(lane: string, id: RequestId, error: RemoteFailure): void;
  /** Nothing more is to come, but for what answers this end. */
  shut(): void;
  open(): void;
  /** What waited was heard. */
  heard(): void;
}

export const tooMuch: RemoteFailure = { code: 'ERR_QUEUE_FULL', message: 'Too many answers wait' };

/** How much may be in flight, in windows of `maxUnackedBytes`, for what is asked to be begun: one is for what this end says. */
const usualWindows = 2;
/** The same while the peer waits for it, which may itself wait for an acknowledgement before it takes more. */
const mostWindows = 4;
/** Up to here what waits then is refused. */
const refusalWindows = 5;
/** Bytes of answers that one turn of the event loop may make for one peer, so that others get their turn. */
const turnBytes = 1_048_576;

/**
 * Gives on what a peer says and asks, in order. What it asks waits while it takes no answers: nothing is begun whose
 * answer would have no room. What came behind it waits too: messages are not acknowledged then, and when it is too much
 * the peer is kept waiting. Two ends that did so would wait for each other without end; so there is more room then, and what
 * finds none is refused.
 */
export class Backlog {
  readonly #events: BacklogEvents;
  readonly #session: BacklogSession;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  #waiting = new HeldFrames();
  /** Bytes of answers that were made in this turn, if they were many. */
  #made = 0;
  #isShut = false;
  /** Messages among what waits that nobody answers. */
  #messages = 0;
  /** No message from this one on was given to all who are to hear it; Infinity: every one was. */
  unheard = Number.POSITIVE_INFINITY;

  constructor(events: BacklogEvents, session: BacklogSession, clock: Clock, maxBytes: number) {
    this.#events = events;
    this.#session = session;
    this.#clock = clock;
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#waiting.length;
  }

  take(frame: Asking, lane: string, heardAt: number, sequence: number): void {
    if (this.#waiting.length === 0) {
      if (frame.type === 'message' && frame.id === undefined) {
        this.#events.onMessage(frame, lane);
        return;
      }
      if (this.#mayBegin(frame, lane)) {
        this.#begin(frame, lane, heardAt);
        return;
      }
    }
    const isFull = this.#waiting.bytes >= this.#maxBytes;
    // A ping that nobody answers is one that took too long.
    if (isFull && frame.type === 'ping') return;
    const wasPressed = this.#isPressed;
    this.#waiting.hold(frame, lane, sequence, heardAt);
    if (!isAnswered(frame)) {
      this.#messages += 1;
      this.unheard = Math.min(this.unheard, sequence);
    }
    if (isFull) {
      this.#isShut = true;
      this.#session.shut();
    }
    if (this.#isPressed && !wasPressed) this.#clock.defer(() => this.drain());
  }

  /** Its requester cancelled it; false when it does not wait here. */
  drop(id: RequestId): boolean {
    return this.#waiting.drop(id);
  }

  /** Gives back what a pause holds of what waits: messages and requests of the user's lane, and `later` behind them. */
  withdraw(later: HeldFrames): HeldFrames {
    // A listener may pause with each message, and all that is held is not to be moved each time.
    if (this.#waiting.length === 0) return later;
    const withdrawn = new HeldFrames();
    const kept = new HeldFrames();
    this.#waiting.move((frame, lane) => {
      const isHeld = lane === '' && frame.type !== 'ping';
      if (isHeld && !isAnswered(frame)) this.#messages -= 1;
      return isHeld ? withdrawn : kept;
    });
    this.#waiting = kept;
    if (this.#messages === 0) this.unheard = Number.POSITIVE_INFINITY;
    // Lanes continue: what is left may have waited for no more than what was before it.
    if (this.#isShut || kept.length > 0) this.#clock.defer(() => this.drain());
    if (withdrawn.length === 0) return later;
    later.move(() => withdrawn);
    return withdrawn;
  }

  /** Delivers what waits, as far as there is room for answers. */
  drain(): void {
    if (this.#waiting.length === 0 && !this.#isShut) return;
    this.#openAgain();
    for (let { first } = this.#waiting; first !== undefined; { first } = this.#waiting) {
      const { frame, lane, heardAt } = first;
      const isAsking = frame !== undefined && frame.type !== 'end';
      const mayBegin = !isAsking || this.#mayBegin(frame, lane);
      if (!mayBegin && !this.#mayRefuse(lane)) return;
      this.#waiting.shift();
      if (isAsking && mayBegin) this.#begin(frame, lane, heardAt);
      else if (isAsking && frame.id !== undefined) this.#session.fail(lane, frame.id, tooMuch);
      if (isAsking && !isAnswered(frame)) this.#heard();
      this.#openAgain();
    }
  }

  /** The session is over: what was asked has nobody to go to, but what was said is heard. */
  end(): void {
    this.#isShut = false;
    this.#messages = 0;
    this.unheard = Number.POSITIVE_INFINITY;
    // Whoever pauses now would wait for ever.
    const waiting = this.#waiting;
    this.#waiting = new HeldFrames();
    for (let { first } = waiting; first !== undefined; { first } = waiting) {
      const frame = waiting.shift();
      if (frame?.type === 'message') this.#events.onMessage(frame, first.lane);
    }
  }

  get #isPressed(): boolean {
    return this.#isShut || this.#messages > 0;
  }

  #heard(): void {
    this.#messages -= 1;
    if (this.#messages > 0) return;
    this.unheard = Number.POSITIVE_INFINITY;
    this.#session.heard();
  }

  #openAgain(): void {
    if (!this.#isShut || this.#waiting.bytes >= this.#maxBytes / 2) return;
    this.#isShut = false;
    this.#session.open();
  }

  #mayBegin(frame: Asking, lane: string): boolean {
    if (!isAnswered(frame)) return true;
    return this.#made < turnBytes && this.#hasRoom(lane, this.#isPressed ? mostWindows : usualWindows);
  }

  #mayRefuse(lane: string): boolean {
    if (!this.#isPressed || this.#hasRoom(lane, mostWindows)) return false;
    return this.#hasRoom(lane, refusalWindows);
  }

  #begin(frame: Asking, lane: string, heardAt: number): void {
    const before = this.#session.pendingBytes;
    if (frame.type === 'message') this.#events.onMessage(frame, lane);
    else if (frame.type === 'request') this.#events.onRequest(frame, lane, heardAt);
    else this.#session.pong(frame.id, frame.data);
    const made = this.#session.pendingBytes - before;
    if (!isAnswered(frame) || made <= 0) return;
    if (this.#made === 0) this.#clock.defer(this.#endOfTurn);
    this.#made += made;
  }

  /** Whether fewer than this many windows are in flight to the peer. */
  #hasRoom(lane: string, windows: number): boolean {
    return this.#session.pendingBytesOf(lane) < windows * this.#maxBytes;
  }

  readonly #endOfTurn = (): void => {
    const isSpent = this.#made >= turnBytes;
    this.#made = 0;
    if (isSpent) this.drain();
  };
}

function isAnswered(frame: HoldableFrame): boolean {
  return frame.type !== 'message' || frame.id !== undefined;
}
