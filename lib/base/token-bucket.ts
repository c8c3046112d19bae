/** So much a second, with `most` saved up at most; full to begin with. Times are milliseconds of whichever clock. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #most: number;
  #tokens: number;
  #filledAt: number;

  constructor(perSecond: number, most: number, nowMs: number) {
    this.#perMs = perSecond / 1_000;
    this.#most = most;
    this.#tokens = most;
    this.#filledAt = nowMs;
  }

  /** Whether `tokens` are there. */
  has(tokens: number, nowMs: number): boolean {
    if (this.#tokens < tokens) this.#fill(nowMs);
    return this.#tokens >= tokens;
  }

  /** Takes `tokens`, also those that are not there yet. Returns the milliseconds until they are. */
  take(tokens: number, nowMs: number): number {
    this.#fill(nowMs);
    this.#tokens -= tokens;
    return this.#tokens >= 0 ? 0 : -this.#tokens / this.#perMs;
  }

  #fill(nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#filledAt);
    this.#filledAt = nowMs;
    this.#tokens = Math.min(this.#most, this.#tokens + passedMs * this.#perMs);
  }
}
