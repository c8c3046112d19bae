import type { Clock, Timer } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';

/** How slow a line is. */
export interface Lag {
  /** Milliseconds for each send, besides its bytes. */
  readonly netLag: number;
  /** Bytes per second. */
  readonly netSpeed: number;
}

/** As in peote-net. */
export const usualLag: Lag = { netLag: 20, netSpeed: 1_048_576 };

export interface LagOptions extends Lag {
  readonly clock: Clock;
}

interface Delivery {
  readonly dueMs: number;
  readonly bytes: number;
  readonly task: () => void;
}

const maxBytes = 67_108_864;

/**
 * The way out of one sender: each send takes `netLag` and the time of its bytes, and waits for those before it. What
 * goes out arrives in order.
 */
export class LagLine {
  readonly #clock: Clock;
  readonly #netLag: number;
  readonly #netSpeed: number;
  #queue: Delivery[] = [];
  #bytes = 0;
  #lastSendMs = 0;
  #lastDelayMs = 0;
  #timer: Timer | undefined;

  constructor({ clock, netLag, netSpeed }: LagOptions) {
    this.#clock = clock;
    this.#netLag = netLag;
    this.#netSpeed = netSpeed;
  }

  /** Runs `task` when sends of these sizes, one after the other, have arrived. */
  send(sizes: readonly number[], task: () => void): void {
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    if (this.#bytes + bytes > maxBytes) {
      throw new BusError('ERR_QUEUE_FULL', `${maxBytes} bytes are under way already.`);
    }
    const now = this.#clock.now();
    for (const size of sizes) {
      const left = Math.max(0, this.#lastDelayMs - (now - this.#lastSendMs));
      this.#lastSendMs = now;
      this.#lastDelayMs = left + Math.floor(this.#netLag + (1_000 * size) / this.#netSpeed);
    }
    this.#enqueue({ dueMs: now + this.#lastDelayMs, bytes, task });
  }

  /** Runs `task` when everything sent so far has arrived; at once when nothing is under way. */
  after(task: () => void): void {
    const last = this.#queue.at(-1);
    if (last === undefined) task();
    else this.#enqueue({ dueMs: last.dueMs, bytes: 0, task });
  }

  #enqueue(delivery: Delivery): void {
    this.#queue.push(delivery);
    this.#bytes += delivery.bytes;
    if (this.#queue.length === 1) this.#wait(delivery);
  }

  #wait(next: Delivery): void {
    this.#timer = this.#clock.setTimer(() => this.#arrive(), Math.max(0, next.dueMs - this.#clock.now()));
  }

  #arrive(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    let count = 0;
    // The platform's timers may fire a fraction of a millisecond early.
    while ((this.#queue[count]?.dueMs ?? Infinity) <= now + 1) count += 1;
    const due = this.#queue.slice(0, count);
    this.#queue = this.#queue.slice(count);
    for (const { bytes, task } of due) {
      this.#bytes -= bytes;
      task();
    }
    const next = this.#queue[0];
    if (next !== undefined && this.#timer === undefined) this.#wait(next);
  }
}
