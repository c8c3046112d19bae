import type { EndFrame, MessageFrame, PingFrame, RequestFrame, RequestId } from '../wire/frames.ts';
import { type Backlog, HeldFrames } from './backlog.ts';
import type { SessionEvents } from './session-events.ts';

/**
 * Gives on what the peer says and asks, in order, as soon as nothing keeps it: while paused messages and requests of
 * lane 0 wait, while shut those of all lanes. What is given on may still wait in the backlog.
 */
export class Delivery {
  isPaused = false;
  isShut = false;
  /** The session is over: nothing more is given on. */
  isOver = false;
  readonly #backlog: Backlog;
  readonly #events: SessionEvents;
  /** An end waits behind what is held: where nothing is acknowledged, the peer does not know what it cuts off. */
  readonly #holdsEnd: boolean;
  /** Paused by one who would resume, and not because this end closes. */
  #isResumable = false;
  #user = new HeldFrames();
  /** Of plugins' lanes; made for the first one. */
  #lanes: HeldFrames | undefined;

  constructor(backlog: Backlog, events: SessionEvents, holdsEnd: boolean) {
    this.#backlog = backlog;
    this.#events = events;
    this.#holdsEnd = holdsEnd;
  }

  /** What the frames cost that wait for `resume` or `open`. */
  get heldBytes(): number {
    return this.#user.bytes + (this.#lanes?.bytes ?? 0);
  }

  /** The first frame that its handler did not accept; Infinity: all were accepted. */
  get untaken(): number {
    if (this.#user.length === 0 && this.#lanes === undefined) return this.#backlog.unheard;
    const user = this.#user.first?.sequence ?? Number.POSITIVE_INFINITY;
    const lanes = this.#lanes?.first?.sequence ?? Number.POSITIVE_INFINITY;
    return Math.min(user, lanes, this.#backlog.unheard);
  }

  /** `heardAt`: when it came; `sequence`: its number. */
  take(frame: MessageFrame | RequestFrame, lane: string, heardAt: number, sequence: number): void {
    const held = lane === '' ? this.#user : this.#lanes;
    if (!this.isShut && !(this.isPaused && lane === '') && (held === undefined || held.length === 0)) {
      this.#backlog.take(frame, lane, heardAt, sequence);
      return;
    }
    if (lane === '') this.#user.hold(frame, lane, sequence, heardAt);
    else (this.#lanes ??= new HeldFrames()).hold(frame, lane, sequence, heardAt);
  }

  ping(frame: PingFrame, heardAt: number, sequence: number): void {
    this.#backlog.take(frame, '', heardAt, sequence);
  }

  end(frame: EndFrame, heardAt: number, sequence: number): void {
    if (this.isShut && this.#holdsEnd && this.#user.length > 0) {
      this.#user.hold(frame, '', sequence, heardAt);
      return;
    }
    this.lastWords();
    this.#events.onEnd(frame);
  }

  /** The peer says no more. Where nothing is acknowledged it does not know what it cut off: what a pause holds is heard. */
  lastWords(): void {
    if (!this.#holdsEnd || this.isShut || !this.#isResumable) return;
    const held = this.#user;
    this.#user = new HeldFrames();
    for (let { first } = held; first !== undefined && !this.isOver; { first } = held) {
      const frame = held.shift();
      if (frame?.type === 'message') this.#events.onMessage(frame, first.lane);
    }
  }

  /** The peer cancelled `id`; false when it does not wait here. */
  drop(id: RequestId, lane: string): boolean {
    const held = lane === '' ? this.#user : this.#lanes;
    return held?.drop(id) === true || this.#backlog.drop(id);
  }

  /** Holds the user's messages and requests, those too that wait in the backlog. */
  pause(): void {
    this.isPaused = true;
    this.#isResumable = true;
    this.#user = this.#backlog.withdraw(this.#user);
  }

  /** Delivers what was held, in order, unless a handler pauses again. */
  resume(): void {
    this.isPaused = false;
    this.#isResumable = false;
    this.#deliverHeld();
  }

  /** Ends being shut: delivers what was held, in order, but for what a pause holds. */
  open(): void {
    this.isShut = false;
    this.#deliverHeld();
  }

  #deliverHeld(): void {
    while (!this.isShut && !this.isOver) {
      const queue = this.#nextHeld;
      const first = queue?.first;
      if (queue === undefined || first === undefined) return;
      const { lane, heardAt, sequence } = first;
      const frame = queue.shift();
      if (frame?.type === 'end') this.#events.onEnd(frame);
      else if (frame !== undefined) this.#backlog.take(frame, lane, heardAt, sequence);
    }
  }

  /** Where the oldest frame is that may be delivered. */
  get #nextHeld(): HeldFrames | undefined {
    const user = this.isPaused ? undefined : this.#user.first;
    const lanes = this.#lanes?.first;
    if (lanes === undefined) return user && this.#user;
    return user !== undefined && user.sequence < lanes.sequence ? this.#user : this.#lanes;
  }
}
