import { dataSize } from '../../base/data-size.ts';
import { BusError } from '../../base/errors.ts';
import { codeOf } from '../../base/thrown.ts';
import type { Lane, PeerHandle } from '../../bus/plugin.ts';
import type { Frame } from './frame.ts';

export interface OutletOptions {
  readonly lane: Lane;
  readonly maxWaitingBytes: number;
  report(error: unknown, peer: PeerHandle): void;
}

interface Waiting {
  bytes: number;
  /** Something was dropped since it was empty. */
  isFull: boolean;
}

/** Its `onDisconnect` tells that a peer is gone. */
const ends: ReadonlySet<string | undefined> = new Set(['ERR_CLOSED', 'ERR_DESTROYED', 'ERR_SESSION_LOST']);

/** The way out, over the lane. What waits for a peer that has no room is limited; the rest is dropped, which is reported once. */
export class Outlet {
  readonly #options: OutletOptions;
  readonly #waiting = new Map<PeerHandle, Waiting>();

  constructor(options: OutletOptions) {
    this.#options = options;
  }

  send(peer: PeerHandle, frame: Frame): void {
    try {
      if (!this.#options.lane.trySend(peer, frame)) this.#wait(peer, frame);
    } catch (error) {
      this.#failed(error, peer);
    }
  }

  #wait(peer: PeerHandle, frame: Frame): void {
    const waiting = this.#waiting.get(peer) ?? { bytes: 0, isFull: false };
    // Who comes and goes is to be known in any case.
    const bytes = frame[0] === 'enter' || frame[0] === 'leave' ? 0 : dataSize(frame);
    if (bytes > 0 && waiting.bytes >= this.#options.maxWaitingBytes) {
      if (!waiting.isFull) this.#failed(new BusError('ERR_SLOW_CONSUMER', 'Messages for it are dropped'), peer);
      waiting.isFull = true;
      return;
    }
    waiting.bytes += bytes;
    this.#waiting.set(peer, waiting);
    const sent = this.#options.lane.send(peer, frame).catch((error: unknown) => this.#failed(error, peer));
    void sent.finally(() => {
      waiting.bytes -= bytes;
      if (waiting.bytes === 0 && this.#waiting.get(peer) === waiting) this.#waiting.delete(peer);
    });
  }

  #failed(error: unknown, peer: PeerHandle): void {
    if (!ends.has(codeOf(error))) this.#options.report(error, peer);
  }
}
