import type { Slab } from '#codec';
import { Queue } from '../base/queue.ts';
import type { Encoder } from '../wire/dialect.ts';

/** What is needed of a link to write to it. */
export interface Outlet {
  readonly bufferedBytes: number;
  /** False when the owner is to flush again once the link drained. */
  write(bytes: Uint8Array): boolean;
  /** Writes between the two leave together. */
  cork?(): void;
  uncork?(): void;
}

/** What a session needs of a link, beyond writing. */
export interface SessionLink extends Outlet {
  pause(): void;
  resume(): void;
}

/**
 * What goes to a link, neighbours in one piece; the link gets this many bytes to hold, and the rest waits for its
 * drain.
 */
export class WriteQueue {
  readonly #mostBytes: number;
  /** The link at present. */
  outlet: Outlet | undefined;
  /** Pieces that were ever added. */
  added = 0;
  readonly #unwritten = new Queue<Uint8Array>();
  /** The link asked to wait for its drain. */
  #isFull = false;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** How many of the pieces ever added are not here any more. */
  get taken(): number {
    return this.added - this.#unwritten.length;
  }

  get isEmpty(): boolean {
    return this.#unwritten.length === 0;
  }

  /** Carries on with `outlet`, which gets `first` before all else. */
  open(outlet: Outlet, first: Uint8Array[]): void {
    this.outlet = outlet;
    this.#isFull = false;
    this.#unwritten.clear();
    this.add(first);
  }

  close(): void {
    this.outlet = undefined;
    this.#unwritten.clear();
  }

  /** Adds what the next `write` hands on; dropped without a link. */
  add(segments: readonly Uint8Array[]): void {
    if (this.outlet === undefined) return;
    this.added += segments.length;
    for (const segment of segments) this.#unwritten.push(segment);
  }

  /** `isLast`: the link is about to close, and nothing waits for it to drain. */
  write(isLast = false): void {
    const outlet = this.outlet;
    const unwritten = this.#unwritten;
    if (outlet === undefined || unwritten.length === 0) return;
    let corked: Outlet | undefined;
    // Writing may end in the close of this link, and even in the next one.
    while (this.outlet === outlet && (isLast || !this.#isFull || outlet.bufferedBytes < this.#mostBytes)) {
      let piece = unwritten.shift();
      if (piece === undefined) break;
      for (let next = unwritten.first; next !== undefined; next = unwritten.first) {
        const joined = join(piece, next);
        if (joined === undefined) break;
        piece = joined;
        unwritten.shift();
      }
      if (corked === undefined && unwritten.length > 0) {
        corked = outlet;
        corked.cork?.();
      }
      this.#isFull = !outlet.write(piece);
    }
    corked?.uncork?.();
  }
}

/** Two neighbours in one buffer as one view; undefined when they are not neighbours. */
function join(first: Uint8Array, second: Uint8Array): Uint8Array | undefined {
  if (first.buffer !== second.buffer || first.byteOffset + first.length !== second.byteOffset) return undefined;
  return typeof Buffer === 'function'
    ? Buffer.from(first.buffer, first.byteOffset, first.length + second.length)
    : new Uint8Array(first.buffer, first.byteOffset, first.length + second.length);
}

/** Says which acknowledgement is due. */
export interface Acknowledging {
  /** The number of received frames that were acknowledged to the peer. */
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
    if (writeQueue.taken < this.#end) {
      writeQueue.write();
      if (writeQueue.taken < this.#end) return;
    }
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
