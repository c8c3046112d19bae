import type { Clock } from '../base/clock.ts';
import { HeldFrames } from '../session/held-frames.ts';
import type { MessageFrame, PingFrame, RequestFrame, RequestId } from '../wire/frames.ts';

/** What may have to wait. */
export type Asking = MessageFrame | RequestFrame | PingFrame;

export interface BacklogOwner {
  /** Whether less than so many times `maxUnackedBytes` is under way to the peer. */
  mayAnswer(lane: string, windows: number): boolean;
  deliver(frame: Asking, lane: string, heardAt: number): void;
  readonly session:
    | { readonly out: { readonly pendingBytes: number }; shut(): void; open(): void; heard(): void }
    | undefined;
  readonly answers: { refuse(id: RequestId, lane: string): void };
}

/** How much may be under way, in windows of `maxUnackedBytes`, for what is asked to be begun: one is for what this end says. */
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
 * the peer is kept waiting. Two ends that did so would wait for each other for ever; so there is more room then, and what
 * finds none is refused.
 */
export class Backlog {
  readonly #owner: BacklogOwner;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #waiting = new HeldFrames();
  /** Bytes of answers that were made in this turn, if they were many. */
  #made = 0;
  #isShut = false;
  /** Messages among what waits that nobody answers. */
  #messages = 0;
  /** As in `FrameTaker`. */
  unheard = Number.POSITIVE_INFINITY;

  constructor(owner: BacklogOwner, clock: Clock, maxBytes: number) {
    this.#owner = owner;
    this.#clock = clock;
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#waiting.length;
  }

  take(frame: Asking, lane: string, heardAt: number, sequence: number): void {
    if (this.length === 0 && this.#mayBegin(frame, lane)) {
      this.#begin(frame, lane, heardAt);
      return;
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
      this.#owner.session?.shut();
    }
    if (this.#isPressed && !wasPressed) this.#clock.defer(() => this.drain());
  }

  /** Its requester gave it up; false when it does not wait here. */
  drop(id: RequestId): boolean {
    return this.#waiting.drop(id);
  }

  /** Delivers what waits, as far as there is room for answers. */
  drain(): void {
    for (let { first } = this.#waiting; first !== undefined; { first } = this.#waiting) {
      const { frame, lane, heardAt } = first;
      const isAsking = frame !== undefined && frame.type !== 'end';
      const mayBegin = !isAsking || this.#mayBegin(frame, lane);
      if (!mayBegin && !this.#mayRefuse(lane)) return;
      this.#waiting.shift();
      if (isAsking && mayBegin) this.#begin(frame, lane, heardAt);
      else if (isAsking && frame.id !== undefined) this.#owner.answers.refuse(frame.id, lane);
      if (isAsking && !isAnswered(frame)) this.#heard();
      if (this.#isShut && this.#waiting.bytes < this.#maxBytes / 2) {
        this.#isShut = false;
        this.#owner.session?.open();
      }
    }
  }

  /** The session is over: what was asked has nobody to go to, but what was said is heard. */
  end(): void {
    this.#isShut = false;
    this.#messages = 0;
    this.unheard = Number.POSITIVE_INFINITY;
    for (let { first } = this.#waiting; first !== undefined; { first } = this.#waiting) {
      const frame = this.#waiting.shift();
      if (frame?.type === 'message') this.#owner.deliver(frame, first.lane, first.heardAt);
    }
  }

  get #isPressed(): boolean {
    return this.#isShut || this.#messages > 0;
  }

  #heard(): void {
    this.#messages -= 1;
    if (this.#messages > 0) return;
    this.unheard = Number.POSITIVE_INFINITY;
    this.#owner.session?.heard();
  }

  #mayBegin(frame: Asking, lane: string): boolean {
    if (!isAnswered(frame)) return true;
    return this.#made < turnBytes && this.#owner.mayAnswer(lane, this.#isPressed ? mostWindows : usualWindows);
  }

  #mayRefuse(lane: string): boolean {
    if (!this.#isPressed || this.#owner.mayAnswer(lane, mostWindows)) return false;
    return this.#owner.mayAnswer(lane, refusalWindows);
  }

  #begin(frame: Asking, lane: string, heardAt: number): void {
    const before = this.#owed;
    this.#owner.deliver(frame, lane, heardAt);
    const made = this.#owed - before;
    if (!isAnswered(frame) || made <= 0) return;
    if (this.#made === 0) this.#clock.defer(this.#endOfTurn);
    this.#made += made;
  }

  get #owed(): number {
    return this.#owner.session?.out.pendingBytes ?? 0;
  }

  readonly #endOfTurn = (): void => {
    const isSpent = this.#made >= turnBytes;
    this.#made = 0;
    if (isSpent) this.drain();
  };
}

function isAnswered(frame: Asking): boolean {
  return frame.type !== 'message' || frame.id !== undefined;
}
