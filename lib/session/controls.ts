import type { Encoder } from '../wire/dialect.ts';
import type { Slab } from '../wire/slab.ts';
import type { WriteQueue } from './write-queue.ts';

/** Says which acknowledgement is due. */
export interface Acknowledging {
  /** Frames that came, and up to which of them it was said that they were taken. */
  readonly received: number;
  readonly acked: number;
  /** The count to acknowledge, which then counts as said; -1 when there is nothing new. */
  takeAck(): number;
}

/** `closing`: a resume of one that did not pause. */
export type ControlKind = 'goingAway' | 'pause' | 'resume' | 'closing' | 'heartbeat' | 'heartbeatReply';

const order: readonly ControlKind[] = ['goingAway', 'pause', 'resume', 'closing', 'heartbeat', 'heartbeatReply'];

/**
 * The frames about the link that are still to be written. The link is given new ones when it took those before, and one
 * of a kind at most: a peer that reads nothing is owed one answer, however often it asks.
 */
export class Controls {
  readonly #encoder: Encoder;
  readonly #slab: Slab;
  readonly #writeQueue: WriteQueue;
  readonly #acks: Acknowledging;
  /** What is to be written: one bit for each of `order`. */
  owed = 0;
  /** Where in the write queue those end that were written last. */
  #end = 0;

  constructor(encoder: Encoder, slab: Slab, writeQueue: WriteQueue, acks: Acknowledging) {
    this.#encoder = encoder;
    this.#slab = slab;
    this.#writeQueue = writeQueue;
    this.#acks = acks;
  }

  owe(kind: ControlKind): void {
    // What the peer was never told needs no word to end it.
    const opposite = kind === 'pause' ? bit('resume') : kind === 'resume' ? bit('pause') : 0;
    if ((this.owed & opposite) !== 0) this.owed &= ~opposite;
    else this.owed |= bit(kind);
  }

  /** Adds the acknowledgement that is due and all that is owed behind what is to leave; the slab is empty. */
  write(): void {
    const writeQueue = this.#writeQueue;
    if (writeQueue.outlet === undefined) return;
    if (writeQueue.taken < this.#end) writeQueue.write();
    if (writeQueue.taken < this.#end) return;
    const ack = this.#acks.takeAck();
    if (ack >= 0) this.#encoder.ack(ack);
    if (this.owed !== 0) this.#encodeOwed();
    if (this.#slab.pendingBytes === 0) return;
    writeQueue.add(this.#slab.take());
    this.#end = writeQueue.added;
  }

  /** The link is gone, and what was to be said of it. */
  forget(): void {
    this.owed = 0;
  }

  #encodeOwed(): void {
    const encoder = this.#encoder;
    for (const kind of order) {
      if ((this.owed & bit(kind)) !== 0) encoder[kind === 'closing' ? 'resume' : kind]();
    }
    this.owed = 0;
  }
}

function bit(kind: ControlKind): number {
  return 1 << order.indexOf(kind);
}
