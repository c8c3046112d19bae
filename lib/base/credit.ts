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

  /** What was taken and not granted again; more than the limit where more was sent than was left. */
  get used(): number {
    return this.#used;
  }

  /** Nothing more should be sent before the next grant. */
  get full(): boolean {
    return this.#used >= this.limit;
  }

  /** At most half of it is in use: a sender that was stopped when it was full goes on here, and not at every grant. */
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
