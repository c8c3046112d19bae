import { asBusError, BusError } from '../base/errors.ts';
import type { Decoder } from '../wire/dialect.ts';
import type { Frame, RequestId } from '../wire/frames.ts';
import type { Delivery } from './delivery.ts';
import type { SessionEvents } from './session-events.ts';
import type { Traffic } from './traffic.ts';

/** Who acts on the frames about the link. */
export interface ControlEvents {
  /** The peer has acknowledged this many frames, modulo 2^32. Throws for those that were never sent. */
  onAck(received: number): void;
  say(kind: 'heartbeatReply'): void;
  onPause(): void;
  onResume(): void;
}

export interface ReceiverOptions {
  readonly decoder: Decoder;
  /** Frames are counted and acknowledged. */
  readonly reliable: boolean;
  readonly control: ControlEvents;
  readonly events: SessionEvents;
  readonly delivery: Delivery;
  /** When bytes of the peer's last came. */
  readonly liveness: { readonly heardAt: number };
}

/** An acknowledgement goes out by itself, without waiting for a frame to ride on, after this much. */
const ackBytes = 131_072;
const ackFrames = 1_024;
const maxLanes = 256;
/** What is read together at most, so that a peer that floods can be made to wait in between. */
const mostFrames = 256;
/** The lanes of a session whose peer opened none. */
const userLane: ReadonlyMap<number, string> = new Map([[0, '']]);

/** The incoming half of a session: counts what arrived, hands each frame to who acts on it, says what to acknowledge. */
export class Receiver {
  /** Sequenced frames that arrived, whether or not somebody took them yet. */
  received = 0;
  /** How many of them were acknowledged to the peer. */
  acked = 0;
  readonly #decoder: Decoder;
  readonly #reliable: boolean;
  readonly #control: ControlEvents;
  readonly #events: SessionEvents;
  readonly #delivery: Delivery;
  readonly #liveness: { readonly heardAt: number };
  readonly #traffic: Traffic | undefined;
  #lanes: ReadonlyMap<number, string> = userLane;
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

  constructor({ decoder, reliable, control, events, delivery, liveness }: ReceiverOptions) {
    this.#decoder = decoder;
    this.#reliable = reliable;
    this.#control = control;
    this.#events = events;
    this.#delivery = delivery;
    this.#liveness = liveness;
    this.#traffic = events.traffic;
  }

  /**
   * Takes as many frames as are read together, and returns of how many bytes. They do not belong to the trace in which the link
   * may have been opened. @throws BusError of the decoder's.
   */
  feed(bytes: Uint8Array): number {
    const tracer = this.#events.operations?.tracer;
    return tracer === undefined ? this.#feed(bytes) : tracer.outside(() => this.#feed(bytes));
  }

  #feed(bytes: Uint8Array): number {
    try {
      return this.#decoder.feed(bytes, this.#sink);
    } finally {
      if (!this.#acts) this.#act();
    }
  }

  /** Whether an acknowledgement should go out now rather than ride on the next frame. */
  get ackIsUrgent(): boolean {
    const unsaid = this.received - this.acked;
    const enough = this.#confirmAsked ? 1 : ackFrames;
    if (unsaid > 0 && this.#unackedBytes >= ackBytes) return true;
    return unsaid >= enough && this.#taken - this.acked >= enough;
  }

  get ackIsDue(): boolean {
    return this.#reliable && this.received > this.acked && this.#taken > this.acked;
  }

  /** The count to acknowledge, which then counts as said; -1 when there is nothing new. */
  takeAck(): number {
    const taken = this.#reliable ? this.#taken : 0;
    if (taken <= this.acked) return -1;
    this.acked = taken;
    this.#unackedBytes = 0;
    this.#confirmAsked = false;
    return this.acked;
  }

  /** A new link knows nothing of acknowledgements that the broken one may have lost. */
  forgetAcks(): void {
    this.acked = 0;
  }

  /** Everything up to here was accepted by its handler. */
  get #taken(): number {
    return Math.min(this.received, this.#delivery.untaken - 1);
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

  /** All that may come: what is said of the link, and what is numbered. */
  #receive(frame: Frame): void {
    if (this.#delivery.isOver) return;
    switch (frame.type) {
      case 'ack':
        this.#control.onAck(frame.received);
        return;
      case 'heartbeat':
        this.#control.say('heartbeatReply');
        return;
      case 'heartbeat-reply':
        return;
      case 'pause':
        this.#control.onPause();
        return;
      case 'resume':
        this.#control.onResume();
        return;
      case 'going-away':
        this.#events.onGoingAway();
        return;
      default:
        this.received += 1;
        this.#unackedBytes += frame.size;
    }
    switch (frame.type) {
      case 'part':
        return;
      case 'open':
        this.#open(frame.lane, frame.name);
        return;
      case 'message':
      case 'request': {
        if (frame.id !== undefined && this.#isCancelled(frame.id)) return;
        if (frame.type === 'message' && frame.id === undefined) this.#confirmAsked ||= frame.confirm;
        const lane = frame.lane === 0 ? '' : this.#nameOf(frame.lane);
        this.#traffic?.received(frame.type, lane, frame, frame.size);
        this.#delivery.take(frame, lane, this.#liveness.heardAt, this.received);
        return;
      }
      case 'response': {
        const lane = frame.lane === 0 ? '' : this.#nameOf(frame.lane);
        this.#traffic?.received('response', lane, frame, frame.size);
        this.#events.requests.answered(frame.id, frame.data, lane, this.#liveness.heardAt);
        return;
      }
      case 'failure':
        this.#traffic?.received('failure', this.#nameOf(frame.lane), frame, frame.size);
        this.#events.requests.failed(frame.id, frame.error);
        return;
      case 'pong':
        this.#events.requests.answered(frame.id, frame.data, '', this.#liveness.heardAt);
        return;
      case 'ping':
        this.#delivery.ping(frame, this.#liveness.heardAt, this.received);
        return;
      case 'cancel':
        this.#traffic?.received('cancel', this.#nameOf(frame.lane), frame, frame.size);
        if (this.#wasDropped(frame.id) || this.#delivery.drop(frame.id, this.#nameOf(frame.lane))) return;
        this.#events.incoming.cancelled(frame.id);
        return;
      case 'end':
        this.#delivery.end(frame, this.#liveness.heardAt, this.received);
        return;
    }
  }

  #open(lane: number, name: string): void {
    if (this.#lanes.size >= maxLanes || this.#lanes.has(lane)) {
      throw new BusError('ERR_PROTOCOL', `Lane ${lane} cannot be opened`);
    }
    this.#lanes = new Map(this.#lanes).set(lane, name);
  }

  #nameOf(lane: number): string {
    if (lane === 0) return '';
    const name = this.#lanes.get(lane);
    if (name === undefined) throw new BusError('ERR_PROTOCOL', `A frame came on lane ${lane}, which has no name`);
    return name;
  }

  /** Whether a CANCEL that was read together with what `id` names is about it. */
  #isCancelled(id: RequestId): boolean {
    if (this.#cancelled?.has(id) !== true) return false;
    this.#cancelled.set(id, true);
    return true;
  }

  /** Whether what this CANCEL is about was dropped for it; one more of its number would be another. */
  #wasDropped(id: RequestId): boolean {
    const dropped = this.#cancelled?.get(id) === true;
    this.#cancelled?.delete(id);
    return dropped;
  }
}
