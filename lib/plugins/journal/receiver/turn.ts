import type { Clock } from '../../../base/clock.ts';
import { withinTime } from '../../../base/wait.ts';
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
  #sender: Sender | undefined;
  #bytes = 0;
  #since = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
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

  /** Resolves with `changed`, or when the others are to wait, or not to wait any more. */
  async until(changed: Promise<unknown>): Promise<void> {
    if (this.#sender === undefined) await changed;
    else await withinTime(this.#clock, (this.isHeld ? heldMs : heldMs + passedMs) - this.#passed, changed);
  }

  /** Of the part of the time in which they wait, and the other one. */
  get #passed(): number {
    return (this.#clock.now() - this.#since) % (heldMs + passedMs);
  }
}
