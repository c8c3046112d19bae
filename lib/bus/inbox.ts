import { AsyncQueue } from '../base/async-queue.ts';
import { Queue } from '../base/queue.ts';
import type { Handling } from '../base/handling.ts';

/** What is kept for one `for await` before the peer is asked to wait; a quarter of it lets the peer continue. */
const mostMessages = 1_024;
const mostBytes = 16 * 1_048_576;

export interface InboxSource {
  pause(reason: string): void;
  resume(reason: string): void;
  /** A loop asks for a message. */
  reading(): void;
}

/** Feeds `for await (const message of peer.messages())`, pausing the peer when the loop is slower. */
export class Inbox {
  readonly #source: InboxSource;
  readonly #readers = new Set<Reader>();
  #paused = false;

  constructor(source: InboxSource) {
    this.#source = source;
  }

  /** Whether there is a loop. */
  get hasLoop(): boolean {
    return this.#readers.size > 0;
  }

  /** `bytes`: what it was on the link. */
  push(message: unknown, bytes: number, handling?: Handling): void {
    if (this.#readers.size === 0) return;
    for (const reader of this.#readers) reader.push(message, bytes, handling);
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
      () => this.#source.reading(),
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
    let fullest = 0;
    for (const { length, bytes } of this.#readers) {
      fullest = Math.max(fullest, length / mostMessages, bytes / mostBytes);
    }
    if (!this.#paused && fullest >= 1) {
      this.#paused = true;
      this.#source.pause('inbox');
    } else if (this.#paused && fullest <= 1 / 4) {
      this.#paused = false;
      this.#source.resume('inbox');
    }
  }
}

interface Unread {
  readonly value: unknown;
  readonly bytes: number;
  readonly handling: Handling | undefined;
}

class Reader implements AsyncIterableIterator<unknown> {
  readonly #asked: () => void;
  readonly #taken: () => void;
  readonly #left: () => void;
  bytes = 0;
  readonly #messages = new AsyncQueue<Unread, unknown>({
    give: ({ value, bytes, handling }) => {
      this.bytes -= bytes;
      this.#given.push(handling);
      return value;
    },
    left: (rest) => {
      for (const { handling } of rest) handling?.dropped();
    },
  });
  /** Of the messages that the loop has and did not come back from. */
  readonly #given = new Queue<Handling | undefined>();

  constructor(asked: () => void, taken: () => void, left: () => void) {
    this.#asked = asked;
    this.#taken = taken;
    this.#left = left;
  }

  get length(): number {
    return this.#messages.length;
  }

  push(value: unknown, bytes: number, handling: Handling | undefined): void {
    handling?.begin();
    this.bytes += bytes;
    this.#messages.push({ value, bytes, handling });
  }

  end(): void {
    this.#messages.end();
  }

  next(): Promise<IteratorResult<unknown>> {
    this.#given.shift()?.done();
    this.#asked();
    const next = this.#messages.next();
    this.#taken();
    return next;
  }

  return(): Promise<IteratorResult<unknown>> {
    for (const handling of this.#given.clear()) handling?.done();
    const over = this.#messages.return();
    this.bytes = 0;
    this.#left();
    return over;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
