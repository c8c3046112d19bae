/** Messages kept for one `for await` before the peer is asked to wait, and how few let it go on. */
const highWater = 1_024;
const lowWater = 256;

export interface InboxSource {
  hold(): void;
  release(): void;
}

/** Feeds `for await (const message of peer.messages())`, holding the peer back when the loop is slower. */
export class Inbox {
  readonly #source: InboxSource;
  readonly #readers = new Set<Reader>();
  #holding = false;

  constructor(source: InboxSource) {
    this.#source = source;
  }

  push(message: unknown): void {
    if (this.#readers.size === 0) return;
    for (const reader of this.#readers) reader.push(message);
    this.#balance();
  }

  /** Ends every loop, after what it was given already. */
  end(): void {
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
    this.#balance();
  }

  /** A new loop, which sees messages from now on. */
  messages(): AsyncIterableIterator<unknown> {
    const reader = new Reader(
      () => this.#balance(),
      () => {
        this.#readers.delete(reader);
        this.#balance();
      },
    );
    this.#readers.add(reader);
    return reader;
  }

  #balance(): void {
    let longest = 0;
    for (const reader of this.#readers) longest = Math.max(longest, reader.length);
    if (!this.#holding && longest >= highWater) {
      this.#holding = true;
      this.#source.hold();
    } else if (this.#holding && longest <= lowWater) {
      this.#holding = false;
      this.#source.release();
    }
  }
}

class Reader implements AsyncIterableIterator<unknown> {
  readonly #taken: () => void;
  readonly #left: () => void;
  #messages: unknown[] = [];
  #waiting: ((result: IteratorResult<unknown>) => void)[] = [];
  #ended = false;

  constructor(taken: () => void, left: () => void) {
    this.#taken = taken;
    this.#left = left;
  }

  get length(): number {
    return this.#messages.length;
  }

  push(message: unknown): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#messages.push(message);
    else next({ done: false, value: message });
  }

  end(): void {
    this.#ended = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const next of waiting) next({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#messages.length > 0) {
      const value = this.#messages.shift();
      this.#taken();
      return Promise.resolve({ done: false, value });
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<unknown>> {
    this.#messages = [];
    this.end();
    this.#left();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
