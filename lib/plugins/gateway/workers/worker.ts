import { Queue } from '../../../base/queue.ts';
import type { Lane, PeerHandle } from '../../../bus/plugin.ts';
import type { GatewayFrame } from './worker-protocol.ts';

export interface WorkerEvents {
  failed(error: unknown): void;
  /** It begins none of the frames it gets, and must not be sent more. */
  overrun(): void;
}

const maxUnbegun = 100_000;

/**
 * A bus peer that takes requests or WebSocket clients. Frames to it are counted; it reports how many of them it has
 * begun before it lets any handler see them, so that those it never began can be given to another.
 */
export class Worker {
  readonly peer: PeerHandle;
  /** Numbers workers in the order they came. */
  readonly number: number;
  /** Whether its link is up. */
  up = true;
  readonly #lane: Lane;
  readonly #events: WorkerEvents;
  readonly #unbegun = new Queue<(() => void) | undefined>();
  #begun = 0;
  #overrun = false;

  constructor(peer: PeerHandle, number: number, lane: Lane, events: WorkerEvents) {
    this.peer = peer;
    this.number = number;
    this.#lane = lane;
    this.#events = events;
  }

  /** Sends a frame; `begun` is called when the worker reports it. */
  send(frame: GatewayFrame, begun?: () => void): void {
    if (this.#overrun) return;
    this.#unbegun.push(begun);
    if (this.#unbegun.length > maxUnbegun) {
      this.#overrun = true;
      this.#events.overrun();
      return;
    }
    // The end of the session is reported by an event of its own.
    try {
      if (!this.#lane.trySend(this.peer, frame)) this.#lane.send(this.peer, frame).catch(this.#events.failed);
    } catch (error) {
      this.#events.failed(error);
    }
  }

  /** The worker has begun this many frames in all. False for an impossible number. */
  begun(count: number): boolean {
    const more = count - this.#begun;
    if (!Number.isSafeInteger(count) || more < 0 || more > this.#unbegun.length) return false;
    this.#begun = count;
    for (let left = more; left > 0; left--) this.#unbegun.shift()?.();
    return true;
  }
}
