/**
 * What a sender may have on its way to a receiver, in bytes, messages or items: it takes as it sends, the receiver grants
 * as it has used up. What is sent last may go over the limit, so that nothing is too large to be sent at all.
 */
export class CreditWindow {
  readonly limit: number;
  #used: number;

  /** `used`: the limit itself where nothing may be sent before the first grant. */
  constructor(limit: number, used = 0) {
    this.limit = limit;
    this.#used = used;
  }

  /** What was used and not granted again; more than the limit if more was sent than was left. */
  get used(): number {
    return this.#used;
  }

  /** Nothing more should be sent before the next grant. */
  get full(): boolean {
    return this.#used >= this.limit;
  }

  /** At most half of it is in use: a sender that was stopped when it was full continues here, and not at every grant. */
  get roomy(): boolean {
    return this.#used <= this.limit / 2;
  }

  take(amount: number): void {
    this.#used += amount;
  }

  /** Never makes the window larger than its limit, whatever a peer grants. */
  grant(amount: number): void {
    this.#used = Math.max(0, this.#used - amount);
  }
}

/** The receiver's end of a window: gathers what was used up until it is worth a message. */
export class CreditReturn {
  readonly #portion: number;
  #owed = 0;

  constructor(portion: number) {
    this.#portion = portion;
  }

  /** Notes that `amount` more was used up. Returns what is to be granted now, 0 while that is less than a portion. */
  add(amount: number): number {
    this.#owed += amount;
    if (this.#owed < this.#portion) return 0;
    const due = this.#owed;
    this.#owed = 0;
    return due;
  }
}

/** A rate per second, with up to `most` saved; full at the start. Times are milliseconds of any clock. */
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
