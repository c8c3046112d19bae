import type { Clock } from '../../../base/clock.ts';
import { Signal } from '../../../base/wait.ts';
import type { InboxLog } from '../inbox/inbox-log.ts';
import type { Sender } from '../inbox/senders.ts';

/** For so long the others wait, and then for so long they do not. */
const heldMs = 500;
const passedMs = 1_500;

/**
 * Of the sender whose message finds no room. The others wait with it, so that they do not take what becomes free; but
 * only for a part of the time, since it may be long before there is enough.
 */
export class Turn {
  readonly #clock: Clock;
  /** They say when there may be room. */
  readonly #sources: readonly (() => Promise<void>)[];
  /** Those that have not said anything since they were asked. */
  readonly #asked = new Set<() => Promise<void>>();
  readonly #news = new Signal();
  #sender: Sender | undefined;
  #bytes = 0;
  #since = 0;

  constructor(clock: Clock, { log, shares }: InboxLog) {
    this.#clock = clock;
    this.#sources = [() => log.whenRoom(), () => shares.freed.next()];
  }

  /** How much room it waits for; 0 where nobody does. */
  get wanted(): number {
    return this.#sender === undefined ? 0 : this.#bytes;
  }

  /** The others wait. */
  get isHeld(): boolean {
    return this.#sender !== undefined && this.#passed < heldMs;
  }

  isOf(sender: Sender): boolean {
    return this.#sender === sender;
  }

  /** The sender waits for that much room, as it may have done before. */
  take(sender: Sender, bytes: number): void {
    if (this.#sender !== undefined) return;
    this.#sender = sender;
    this.#bytes = bytes;
    this.#since = this.#clock.now();
  }

  /** The sender does not wait for room. */
  give(sender: Sender): void {
    if (this.#sender === sender) this.#sender = undefined;
  }

  /** Resolves when there may be room, and when the others are to wait, or not to wait any more. */
  async whenRoom(): Promise<void> {
    for (const source of this.#sources) {
      if (this.#asked.has(source)) continue;
      this.#asked.add(source);
      void source().then(() => {
        this.#asked.delete(source);
        this.#news.wake();
      });
    }
    const leftMs = (this.isHeld ? heldMs : heldMs + passedMs) - this.#passed;
    const timer = this.#sender === undefined ? undefined : this.#clock.setTimer(() => this.#news.wake(), leftMs, true);
    await this.#news.next();
    timer?.cancel();
  }

  /** Of the part of the time in which they wait, and the other one. */
  get #passed(): number {
    return (this.#clock.now() - this.#since) % (heldMs + passedMs);
  }
}
