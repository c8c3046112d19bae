import { BusError } from '../../../base/errors.ts';
import { Queue } from '../../../base/queue.ts';
import type { OutboxLog } from './outbox-log.ts';

const mostWaiting = 16_384;

/** A durable message that has no place in the journal yet. */
export interface Early {
  readonly body: Uint8Array;
  /** Its place, once it has one. */
  sequence: number | undefined;
  /** Nobody waits for its place any more, and it gets none. */
  isOver: boolean;
}

/** Where a message is. */
export interface Place {
  readonly box: OutboxLog;
  readonly sequence: number;
}

interface Waiting extends Early {
  placed(place: Place): void;
  failed(error: unknown): void;
}

/** Durable messages that came before the journal was open, or while it had no room, in order. */
export class EarlySends {
  readonly #open: () => Promise<OutboxLog>;
  readonly #waiting = new Queue<Waiting>();
  readonly #changed: () => void;
  #last: Early | undefined;
  #isPlacing = false;

  /** `changed` hears when all of them have a place. */
  constructor(open: () => Promise<OutboxLog>, changed: () => void) {
    this.#open = open;
    this.#changed = changed;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** The one that came last, while some wait. */
  get last(): Early | undefined {
    return this.isEmpty ? undefined : this.#last;
  }

  /** Resolves with its place once it has a place; rejects with `ERR_QUEUE_FULL`, or why it never will. */
  push(body: Uint8Array): { readonly early: Early; readonly place: Promise<Place> } {
    let placed!: (place: Place) => void;
    let failed!: (error: unknown) => void;
    const place = new Promise<Place>((resolve, reject) => {
      placed = resolve;
      failed = reject;
    });
    const early: Waiting = { body, sequence: undefined, isOver: false, placed, failed };
    if (this.#waiting.length >= mostWaiting) {
      failed(new BusError('ERR_QUEUE_FULL', `${mostWaiting} sends wait for room already`));
      return { early, place };
    }
    this.#waiting.push(early);
    this.#last = early;
    if (!this.#isPlacing) void this.#placeAll();
    return { early, place };
  }

  fail(error: BusError): void {
    for (const { failed } of this.#waiting.clear()) failed(error);
  }

  async #placeAll(): Promise<void> {
    this.#isPlacing = true;
    for (let { first } = this.#waiting; first !== undefined; { first } = this.#waiting) {
      let box: OutboxLog | undefined;
      try {
        box = await this.#open();
        if (first !== this.#waiting.first) continue;
        const sequence = first.isOver ? 0 : box.append(first.body);
        if (sequence === undefined) {
          await box.whenRoom();
          continue;
        }
        first.sequence = sequence === 0 ? box.lastMessage : sequence;
        if (sequence > 0) first.placed({ box, sequence });
      } catch (error) {
        first.sequence = box?.lastMessage ?? 0;
        first.failed(error);
      }
      if (first === this.#waiting.first) this.#waiting.shift();
    }
    this.#isPlacing = false;
    this.#changed();
  }
}

export function aborted(signal: AbortSignal): BusError {
  return new BusError('ERR_ABORTED', undefined, { cause: signal.reason });
}
