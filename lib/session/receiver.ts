import { asBusError, BusError } from '../base/errors.ts';
import type { Decoder } from '../wire/dialect.ts';
import type { ControlFrame, Frame, OpenFrame, PartFrame, RequestId } from '../wire/frames.ts';
import { HeldFrames } from './held-frames.ts';

/** A frame somebody above the session has to act on. */
export type UserFrame = Exclude<Frame, ControlFrame | PartFrame | OpenFrame>;

export interface FrameTaker {
  /** No frame from this one on was given to all who are to hear it; Infinity: every one was. */
  readonly unheard: number;
  /**
   * `lane` is the name the peer gave the frame's lane, '' for the user's own; `heardAt`: when it came; `sequence`: its
   * number. Never throws.
   */
  frame(frame: UserFrame, lane: string, heardAt: number, sequence: number): void;
}

export interface ReceiverOptions {
  readonly decoder: Decoder;
  /** True in the `session` tier: frames are counted and acknowledged. */
  readonly counts: boolean;
  readonly taker: FrameTaker;
  control(frame: ControlFrame): void;
  /** When bytes of the peer's last came. */
  heardAt(): number;
}

/** An acknowledgement goes out by itself, without waiting for a frame to ride on, after this much. */
const ackBytes = 131_072;
const ackFrames = 1_024;
const maxLanes = 256;
/** What is read together at most, so that a peer that floods can be made to wait in between. */
const mostFrames = 256;
/** The lanes of a session whose peer opened none. */
const userLane: ReadonlyMap<number, string> = new Map([[0, '']]);

/**
 * The incoming half of a session: counts what arrived, holds back what nobody is to hear yet, says what to acknowledge.
 * While paused those are the messages and requests of lane 0, while shut those of all lanes.
 */
export class Receiver {
  /** Sequenced frames that arrived, whether or not somebody took them yet. */
  received = 0;
  /** The session is over: frames behind the one that ended it have nobody to go to. */
  over = false;
  readonly #options: ReceiverOptions;
  #lanes: ReadonlyMap<number, string> = userLane;
  readonly #held = new HeldFrames();
  /** Those of plugins' lanes; made for the first one. */
  #heldOfLanes: HeldFrames | undefined;
  #paused = false;
  #shut = false;
  #acked = 0;
  #unackedBytes = 0;
  #confirmAsked = false;
  /** What was read together: all of it is looked at before the first of it begins anything. */
  readonly #read: Frame[] = [];
  #acts = false;
  /** Those of which a CANCEL among that tells, and whether what it is about was dropped for it. */
  #cancelled: Map<RequestId, boolean> | undefined;
  readonly #sink = (frame: Frame): boolean => {
    this.#read.push(frame);
    if (frame.type === 'cancel') {
      this.#cancelled ??= new Map();
      this.#cancelled.set(frame.id, false);
    }
    return this.#read.length < mostFrames;
  };

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get isShut(): boolean {
    return this.#shut;
  }

  /** What the frames cost that arrived and wait for `resume` or `open`. */
  get heldBytes(): number {
    return this.#held.bytes + (this.#heldOfLanes?.bytes ?? 0);
  }

  /** Takes as many frames as are read together, and returns of how many bytes. @throws BusError of the decoder's. */
  feed(bytes: Uint8Array): number {
    try {
      return this.#options.decoder.feed(bytes, this.#sink);
    } finally {
      if (!this.#acts) this.#act();
    }
  }

  pause(): void {
    this.#paused = true;
  }

  /** What is held stays so: an acknowledgement that is still to go must not name it as taken. */
  end(): void {
    this.over = true;
  }

  /** Delivers what was held, in order, unless a handler pauses again. */
  resume(): void {
    this.#paused = false;
    this.#deliverHeld();
  }

  /** Lets through only what answers this end. */
  shut(): void {
    this.#shut = true;
  }

  /** Ends that: delivers what was held, in order, but for what a pause holds. */
  open(): void {
    this.#shut = false;
    this.#deliverHeld();
  }

  /** Whether an acknowledgement should go out now rather than ride on the next frame. */
  get ackIsUrgent(): boolean {
    return (
      (this.#confirmAsked && this.#taken > this.#acked) ||
      this.#unackedBytes >= ackBytes ||
      this.#taken - this.#acked >= ackFrames
    );
  }

  get ackIsDue(): boolean {
    return this.#options.counts && this.#taken > this.#acked;
  }

  /** The count to acknowledge, which then counts as sent; -1 when there is nothing new. */
  takeAck(): number {
    if (!this.ackIsDue) return -1;
    this.#acked = this.#taken;
    this.#unackedBytes = 0;
    this.#confirmAsked = false;
    return this.#acked;
  }

  /** A new link knows nothing of acknowledgements that the broken one may have lost. */
  forgetAcks(): void {
    this.#acked = 0;
  }

  /** Everything up to here was taken by its handler. */
  get #taken(): number {
    const user = this.#held.first?.sequence ?? Number.POSITIVE_INFINITY;
    const lanes = this.#heldOfLanes?.first?.sequence ?? Number.POSITIVE_INFINITY;
    return Math.min(this.received, user - 1, lanes - 1, this.#options.taker.unheard - 1);
  }

  /** Also behind a frame that is refused: what was decoded has to be counted, since the decoder would not know it again. */
  #act(): void {
    const read = this.#read;
    let refused: BusError | undefined;
    this.#acts = true;
    for (let index = 0; index < read.length; index++) {
      try {
        this.#receive(read[index] as Frame);
      } catch (error) {
        refused ??= asBusError(error, 'ERR_PROTOCOL');
      }
    }
    this.#acts = false;
    read.length = 0;
    this.#cancelled = undefined;
    if (refused !== undefined) throw refused;
  }

  #receive(frame: Frame): void {
    if (this.over) return;
    switch (frame.type) {
      case 'ack':
      case 'heartbeat':
      case 'heartbeat-reply':
      case 'pause':
      case 'resume':
      case 'going-away':
        this.#options.control(frame);
        return;
      default:
        this.received += 1;
        this.#unackedBytes += frame.size;
        this.#deliver(frame);
    }
  }

  #deliver(frame: UserFrame | PartFrame | OpenFrame): void {
    switch (frame.type) {
      case 'part':
        return;
      case 'open':
        if (this.#lanes.size >= maxLanes || this.#lanes.has(frame.lane)) {
          throw new BusError('ERR_PROTOCOL', `Lane ${frame.lane} cannot be opened`);
        }
        this.#lanes = new Map(this.#lanes).set(frame.lane, frame.name);
        return;
      case 'message':
        if (frame.confirm && frame.id === undefined) this.#confirmAsked = true;
        if (frame.id !== undefined && this.#isCancelled(frame.id)) return;
        break;
      case 'request':
        if (this.#isCancelled(frame.id)) return;
        break;
      case 'cancel':
        if (this.#dropped(frame.id)) return;
        break;
      default:
        break;
    }
    const heardAt = this.#options.heardAt();
    if (!('lane' in frame)) {
      if (frame.type === 'end' && this.#endWaits) this.#held.hold(frame, '', this.received, heardAt);
      else this.#options.taker.frame(frame, '', heardAt, this.received);
      return;
    }
    const lane = this.#lanes.get(frame.lane);
    if (lane === undefined) throw new BusError('ERR_PROTOCOL', `A frame came on lane ${frame.lane}, which has no name`);
    const held = lane === '' ? this.#held : this.#heldOfLanes;
    if (this.#shut || (this.#paused && lane === '') || (held !== undefined && held.length > 0)) {
      if (frame.type === 'cancel' && held?.drop(frame.id) === true) return;
      if (frame.type === 'message' || frame.type === 'request') {
        this.#queueOf(lane).hold(frame, lane, this.received, heardAt);
        return;
      }
    }
    this.#options.taker.frame(frame, lane, heardAt, this.received);
  }

  /** Whether a CANCEL that was read together with what `id` names is about it. */
  #isCancelled(id: RequestId): boolean {
    if (this.#cancelled?.has(id) !== true) return false;
    this.#cancelled.set(id, true);
    return true;
  }

  /** Whether what this CANCEL is about was dropped for it; one more of its number would be another. */
  #dropped(id: RequestId): boolean {
    const dropped = this.#cancelled?.get(id) === true;
    this.#cancelled?.delete(id);
    return dropped;
  }

  /** Whether an end waits with what is held: where nothing is acknowledged, the peer does not know what it cuts off. */
  get #endWaits(): boolean {
    return this.#shut && !this.#options.counts && this.#held.length > 0;
  }

  #queueOf(lane: string): HeldFrames {
    if (lane === '') return this.#held;
    this.#heldOfLanes ??= new HeldFrames();
    return this.#heldOfLanes;
  }

  #deliverHeld(): void {
    while (!this.#shut && !this.over) {
      const queue = this.#nextHeld;
      const first = queue?.first;
      if (queue === undefined || first === undefined) return;
      const { lane, heardAt, sequence } = first;
      const frame = queue.shift();
      if (frame !== undefined) this.#options.taker.frame(frame, lane, heardAt, sequence);
    }
  }

  /** Where the oldest frame is that may be delivered. */
  get #nextHeld(): HeldFrames | undefined {
    const user = this.#paused ? undefined : this.#held.first;
    const lanes = this.#heldOfLanes?.first;
    if (lanes === undefined) return user && this.#held;
    return user !== undefined && user.sequence < lanes.sequence ? this.#held : this.#heldOfLanes;
  }
}
