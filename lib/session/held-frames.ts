import { Queue } from '../base/queue.ts';
import type { EndFrame, MessageFrame, PingFrame, RequestFrame, RequestId } from '../wire/frames.ts';

export type HoldableFrame = MessageFrame | RequestFrame | PingFrame | EndFrame;

/** A frame that waits to be delivered. */
export interface Held {
  /** undefined: it was given up meanwhile. */
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
  readonly #queue = new Queue<Held>();
  /** Those among them that are to be answered, until they are given up. */
  #answerable: Map<RequestId, Held> | undefined;

  get length(): number {
    return this.#queue.length;
  }

  get first(): Held | undefined {
    return this.#queue.first;
  }

  hold(frame: HoldableFrame, lane: string, sequence: number, heardAt: number): void {
    const held: Held = { frame, lane, sequence, heardAt };
    this.#queue.push(held);
    this.bytes += frame.size + heldFrameBytes;
    const id = idOf(frame);
    if (id === undefined) return;
    this.#answerable ??= new Map();
    this.#answerable.set(id, held);
  }

  /** Takes over all of `later`, behind its own. */
  append(later: HeldFrames): void {
    for (let { first } = later; first !== undefined; { first } = later) {
      const { lane, sequence, heardAt } = first;
      const frame = later.shift();
      if (frame !== undefined) this.hold(frame, lane, sequence, heardAt);
    }
  }

  /** Gives up `id`, whose answer nobody waits for; false when it is not among them. */
  drop(id: RequestId): boolean {
    const held = this.#answerable?.get(id);
    if (held === undefined) return false;
    this.#empty(held);
    while (this.first !== undefined && this.first.frame === undefined) this.shift();
    return true;
  }

  /** Takes the first one out, and returns its frame unless that was given up. */
  shift(): HoldableFrame | undefined {
    const held = this.#queue.shift();
    if (held === undefined) return undefined;
    const { frame } = held;
    this.#empty(held);
    this.bytes -= heldFrameBytes;
    return frame;
  }

  /** Lets go of the frame; its place in the order stays, and what that costs. */
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
