import type { Clock, Timer } from '../base/clock.ts';
import { Queue } from '../base/queue.ts';
import type { QueuedMark } from './replay-buffer.ts';

/** What there is to be flushed. */
export interface Flushable {
  readonly replay: { readonly sequence: number; readonly acknowledged: number };
  /** Large bodies that wait to be cut. */
  readonly queued: { readonly mark: QueuedMark | undefined; isCut(mark: QueuedMark): boolean };
  /** Bytes that the peer has not acknowledged or, without acknowledgements, that have not left. */
  readonly pendingBytes: number;
  /** Asks the peer to acknowledge what it has processed. */
  ask(): void;
}

interface Flush {
  readonly done: () => void;
  /** What has to be acknowledged, once the bodies that waited are cut. */
  sequence: number;
  queued: QueuedMark | undefined;
}

const lookMs = 2;

/** Those who wait until all that was sent up to some point is flushed. */
export class Flushes {
  readonly #clock: Clock;
  readonly #flushable: Flushable;
  readonly #reliable: boolean;
  readonly #waiting = new Queue<Flush>();
  #timer: Timer | undefined;

  /** `reliable`: what is sent is acknowledged; else nobody says when the last bytes left. */
  constructor(clock: Clock, flushable: Flushable, reliable: boolean) {
    this.#clock = clock;
    this.#flushable = flushable;
    this.#reliable = reliable;
  }

  add(done: () => void): void {
    const { replay, queued } = this.#flushable;
    this.#waiting.push({ done, sequence: replay.sequence, queued: queued.mark });
    this.settle();
    if (!this.#reliable) this.#look();
  }

  /** Something was flushed: calls those whose wait is over. */
  settle(): void {
    for (let first = this.#waiting.first; first !== undefined; first = this.#waiting.first) {
      if (!this.#isOver(first)) {
        this.#flushable.ask();
        return;
      }
      this.#waiting.shift();
      first.done();
    }
  }

  /** There is nothing to wait for any more. */
  end(): void {
    this.#timer?.cancel();
    for (const { done } of this.#waiting.clear()) done();
  }

  #isOver(flush: Flush): boolean {
    const { replay, queued, pendingBytes } = this.#flushable;
    if (!this.#reliable) return pendingBytes === 0;
    if (flush.queued !== undefined) {
      if (!queued.isCut(flush.queued)) return false;
      flush.queued = undefined;
      flush.sequence = replay.sequence;
    }
    return replay.acknowledged >= flush.sequence;
  }

  #look(): void {
    this.#timer?.cancel();
    if (this.#waiting.length === 0) return;
    this.#timer = this.#clock.setTimer(
      () => {
        this.settle();
        this.#look();
      },
      lookMs,
      true,
    );
  }
}
