/** Messages and bytes a sender may spend in a second, with one second's worth saved up at most. */
export class FloodGate {
  readonly #messagesPerSecond: number;
  readonly #bytesPerSecond: number;
  #messages: number;
  #bytes: number;
  #last = 0;

  constructor(limits: FloodLimits, nowMs: number) {
    this.#messagesPerSecond = limits.messagesPerSecond;
    this.#bytesPerSecond = limits.bytesPerSecond;
    this.#messages = limits.messagesPerSecond;
    this.#bytes = limits.bytesPerSecond;
    this.#last = nowMs;
  }

  /** Whether one message of `bytes` is still within the limits; counts it if so. */
  take(bytes: number, nowMs: number): boolean {
    if (this.#messages < 1 || this.#bytes < bytes) this.#refill(nowMs);
    if (this.#messages < 1 || this.#bytes < bytes) return false;
    this.#messages -= 1;
    this.#bytes -= bytes;
    return true;
  }

  #refill(nowMs: number): void {
    const seconds = Math.max(0, nowMs - this.#last) / 1_000;
    this.#last = nowMs;
    this.#messages = Math.min(this.#messagesPerSecond, this.#messages + seconds * this.#messagesPerSecond);
    this.#bytes = Math.min(this.#bytesPerSecond, this.#bytes + seconds * this.#bytesPerSecond);
  }
}

export interface FloodLimits {
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}
