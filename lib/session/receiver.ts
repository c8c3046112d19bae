import { BusError } from '../base/errors.ts';
import { Queue } from '../base/queue.ts';
import type { Decoder } from '../wire/dialect.ts';
import type {
  ControlFrame,
  Frame,
  MessageFrame,
  OpenFrame,
  PartFrame,
  RequestFrame,
  RequestId,
} from '../wire/frames.ts';

/** A frame somebody above the session has to act on. */
export type UserFrame = Exclude<Frame, ControlFrame | PartFrame | OpenFrame>;

export interface FrameTaker {
  /** `lane` is the name the peer gave the frame's lane, '' for the user's own; `heardAt`: when it came. Never throws. */
  frame(frame: UserFrame, lane: string, heardAt: number): void;
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
/** The lanes of a session whose peer opened none. */
const userLane: ReadonlyMap<number, string> = new Map([[0, '']]);

/** A frame that waits for `resume`. */
interface Held {
  /** undefined: a request that was given up meanwhile. */
  frame: MessageFrame | RequestFrame | undefined;
  readonly sequence: number;
  readonly heardAt: number;
}

/** What a frame that is held costs besides its bytes, so that many small ones count too. */
const heldFrameBytes = 256;

/** The incoming half of a session: counts what arrived, holds messages back while paused, says what to acknowledge. */
export class Receiver {
  /** Sequenced frames that arrived, whether or not somebody took them yet. */
  received = 0;
  /** The session is over: frames behind the one that ended it have nobody to go to. */
  over = false;
  /** What the frames that arrived and wait for `resume` cost. */
  heldBytes = 0;
  readonly #options: ReceiverOptions;
  #lanes: ReadonlyMap<number, string> = userLane;
  readonly #held = new Queue<Held>();
  /** The requests among them, until they are given up. */
  #heldRequests: Map<RequestId, Held> | undefined;
  #paused = false;
  #acked = 0;
  #unackedBytes = 0;
  #confirmAsked = false;
  readonly #sink = (frame: Frame): void => this.#receive(frame);

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** @throws BusError of the decoder's. */
  feed(bytes: Uint8Array): void {
    this.#options.decoder.feed(bytes, this.#sink);
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
    while (!this.#paused && !this.over) {
      const { first } = this.#held;
      if (first === undefined) break;
      const { frame, heardAt } = first;
      this.#shiftHeld();
      if (frame !== undefined) this.#options.taker.frame(frame, '', heardAt);
    }
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
    const { first } = this.#held;
    return first === undefined ? this.received : first.sequence - 1;
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
        if (frame.confirm) this.#confirmAsked = true;
        break;
      default:
        break;
    }
    const heardAt = this.#options.heardAt();
    if (!('lane' in frame)) {
      this.#options.taker.frame(frame, '', heardAt);
      return;
    }
    if (frame.lane === 0 && (this.#paused || this.#held.length > 0)) {
      if (frame.type === 'cancel' && this.#dropHeld(frame.id)) return;
      if (frame.type === 'message' || frame.type === 'request') {
        this.#hold({ frame, sequence: this.received, heardAt }, frame);
        return;
      }
    }
    const lane = this.#lanes.get(frame.lane);
    if (lane === undefined) throw new BusError('ERR_PROTOCOL', `A frame came on lane ${frame.lane}, which has no name`);
    this.#options.taker.frame(frame, lane, heardAt);
  }

  #hold(held: Held, frame: MessageFrame | RequestFrame): void {
    this.#held.push(held);
    this.heldBytes += frame.size + heldFrameBytes;
    if (frame.type !== 'request') return;
    this.#heldRequests ??= new Map();
    this.#heldRequests.set(frame.id, held);
  }

  /** Gives up the held request `id`; false when it is not among them. */
  #dropHeld(id: RequestId): boolean {
    const held = this.#heldRequests?.get(id);
    if (held === undefined) return false;
    this.#emptyHeld(held);
    while (this.#held.first !== undefined && this.#held.first.frame === undefined) this.#shiftHeld();
    return true;
  }

  #shiftHeld(): void {
    const held = this.#held.shift();
    if (held === undefined) return;
    this.#emptyHeld(held);
    this.heldBytes -= heldFrameBytes;
  }

  /** Lets go of the frame; its place in the order stays, and what that costs. */
  #emptyHeld(held: Held): void {
    const { frame } = held;
    if (frame === undefined) return;
    held.frame = undefined;
    this.heldBytes -= frame.size;
    if (frame.type === 'request' && this.#heldRequests?.get(frame.id) === held) this.#heldRequests.delete(frame.id);
  }
}
