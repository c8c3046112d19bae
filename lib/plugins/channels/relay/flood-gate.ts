import { TokenBucket } from '../../../base/token-bucket.ts';

export interface FloodLimits {
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}

/** Messages and bytes a sender may spend in a second, with one second's worth saved up at most. */
export class FloodGate {
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;

  constructor({ messagesPerSecond, bytesPerSecond }: FloodLimits, nowMs: number) {
    this.#messages = new TokenBucket(messagesPerSecond, messagesPerSecond, nowMs);
    this.#bytes = new TokenBucket(bytesPerSecond, bytesPerSecond, nowMs);
  }

  /** Whether one message of `bytes` is still within the limits; counts it if so. */
  take(bytes: number, nowMs: number): boolean {
    if (!this.#messages.has(1, nowMs) || !this.#bytes.has(bytes, nowMs)) return false;
    this.#messages.take(1, nowMs);
    this.#bytes.take(bytes, nowMs);
    return true;
  }
}
