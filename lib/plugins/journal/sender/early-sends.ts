import { BusError } from '../../../base/errors.ts';
import { Signal } from '../../../base/wait.ts';
import type { OutboxLog } from './outbox-log.ts';

const mostWaiting = 16_384;

/** A durable message that has no place in the journal yet. */
export interface Early {
  /** Its place, once it has one; that of the message before it, where it got none. */
  readonly sequence: number | undefined;
}

/** Where a message is. */
export interface Place {
  readonly box: OutboxLog;
  readonly sequence: number;
  /** It was there before: a request that was asked again. */
  readonly isKnown: boolean;
}

/** A message on its way to its place. */
export interface Placing {
  readonly early: Early;
  /** Resolves where it is once it is written. */
  readonly written: Promise<Place>;
  /** It gets no place, unless it has one. */
  giveUp(): void;
}

interface Waiting extends Early {
  sequence: number | undefined;
  /** undefined: it gets no place. */
  body: Uint8Array | undefined;
  /** Something else goes out once it is known where it is. */
  isFollowed: boolean;
  placed(place: Place): void;
  failed(error: unknown): void;
}

/** Durable messages that came before the journal was open, or while it had no room, in order. */
export class EarlySends {
  readonly #open: () => Promise<OutboxLog>;
  readonly #changed: () => void;
  /** In order; of those that get no place, the followed ones and maybe the last one. */
  readonly #waiting = new Set<Waiting>();
  #last: Waiting | undefined;
  /** How many of them are to have a place. */
  #wanted = 0;
  #isPlacing = false;
  /** There may be room, or the first one gets no place. */
  readonly #news = new Signal();
  #hasAsked = false;

  /** `changed` hears when all of them have a place. */
  constructor(open: () => Promise<OutboxLog>, changed: () => void) {
    this.#open = open;
    this.#changed = changed;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** The one that came last, for something that is to go out behind it; undefined where none waits. */
  follow(): Early | undefined {
    if (this.isEmpty || this.#last === undefined) return undefined;
    this.#last.isFollowed = true;
    return this.#last;
  }

  /** Resolves with its place once it has a place; rejects with `ERR_QUEUE_FULL`, or why it never will. */
  push(body: Uint8Array): { readonly early: Early; readonly place: Promise<Place> } {
    let placed!: (place: Place) => void;
    let failed!: (error: unknown) => void;
    const place = new Promise<Place>((resolve, reject) => {
      placed = resolve;
      failed = reject;
    });
    const early: Waiting = { body, sequence: undefined, isFollowed: false, placed, failed };
    if (this.#wanted >= mostWaiting) {
      early.body = undefined;
      failed(new BusError('ERR_QUEUE_FULL', `${mostWaiting} sends wait for room already`));
      return { early, place };
    }
    const before = this.#last;
    this.#waiting.add(early);
    this.#last = early;
    this.#wanted += 1;
    if (before?.body === undefined) this.#forget(before);
    if (!this.#isPlacing) void this.#placeAll();
    return { early, place };
  }

  /** Nobody waits for it any more: it gets no place, unless it has one. */
  giveUp(given: Early): void {
    const early = given as Waiting;
    if (early.body === undefined || early.sequence !== undefined) return;
    early.body = undefined;
    this.#wanted -= 1;
    if (early !== this.#last) this.#forget(early);
    if (this.#news.isAwaited) this.#news.wake();
  }

  fail(error: BusError): void {
    for (const early of this.#waiting) {
      early.body = undefined;
      early.failed(error);
    }
    this.#waiting.clear();
    this.#wanted = 0;
    if (this.#news.isAwaited) this.#news.wake();
  }

  #forget(early: Waiting | undefined): void {
    if (early?.isFollowed === false) this.#waiting.delete(early);
  }

  async #placeAll(): Promise<void> {
    this.#isPlacing = true;
    for (const early of this.#waiting) await this.#place(early);
    this.#isPlacing = false;
    this.#changed();
  }

  /** Resolves when it has a place, or is known to get none. */
  async #place(early: Waiting): Promise<void> {
    let box: OutboxLog | undefined;
    try {
      while (this.#waiting.has(early)) {
        box = await this.#open();
        if (!this.#waiting.has(early)) return;
        if (early.body === undefined) early.sequence = box.lastMessage;
        else if (!this.#append(early, early.body, box)) {
          await this.#whenRoom(box);
          continue;
        }
        this.#settle(early);
      }
    } catch (error) {
      early.sequence = box?.lastMessage ?? 0;
      early.failed(error);
      this.#settle(early);
    }
  }

  /** False where there is no room. Throws as `OutboxLog.append` and `KeyedRequests.find`. */
  #append(early: Waiting, body: Uint8Array, box: OutboxLog): boolean {
    const known = box.requests.find(body);
    const sequence = known ?? box.append(body);
    if (sequence === undefined) return false;
    if (known === undefined) box.requests.add(body, sequence);
    early.sequence = box.lastMessage;
    early.placed({ box, sequence, isKnown: known !== undefined });
    return true;
  }

  #settle(early: Waiting): void {
    if (this.#waiting.delete(early) && early.body !== undefined) this.#wanted -= 1;
    early.body = undefined;
  }

  #whenRoom(box: OutboxLog): Promise<void> {
    if (!this.#hasAsked) {
      this.#hasAsked = true;
      void box.whenRoom().then(() => {
        this.#hasAsked = false;
        this.#news.wake();
      });
    }
    return this.#news.next();
  }
}

export function aborted(signal: AbortSignal): BusError {
  return new BusError('ERR_ABORTED', undefined, { cause: signal.reason });
}
