import type { Readable } from 'node:stream';
import { AsyncQueue } from '../../base/async-queue.ts';
import { CreditReturn } from '../../base/flow-control.ts';
import { BusError } from '../../base/errors.ts';

/** Items that may be on their way or wait to be read. */
const windowItems = 16;

/** How an imported stream reaches its source. */
export interface ImportedStreamOutlet {
  credit(stream: number, items: number): void;
  /** The reader is done with it; called once, also when the source ended it. */
  stop(stream: number, early: boolean): void;
}

/** The near end of a stream of the peer: asks for items as they are read. */
export class ImportedStream {
  /** What it is read by, where that is a `Readable`. */
  readable: WeakRef<Readable> | undefined;
  readonly #id: number;
  readonly #outlet: ImportedStreamOutlet;
  readonly #items = new AsyncQueue<unknown>({ give: (value) => this.#give(value) });
  readonly #returned = new CreditReturn(windowItems / 2);
  /** The reader, while it waits for an item and nothing else refers to it. */
  #waiting: object | undefined;
  /** Items that were asked for and did not come. */
  #asked = 0;
  #begun = false;

  constructor(id: number, outlet: ImportedStreamOutlet) {
    this.#id = id;
    this.#outlet = outlet;
  }

  /** @throws BusError `ERR_PROTOCOL` for an item nobody asked for. */
  item(value: unknown): void {
    if (this.#items.ended) return;
    if (this.#asked === 0) throw new BusError('ERR_PROTOCOL', 'A stream sends more than was requested');
    this.#asked -= 1;
    this.#items.push(value);
  }

  /** The source has no more, or failed, or (`early`) cannot be reached. What came before is still read. */
  end(error: BusError | undefined, early = false): void {
    if (this.#items.ended) return;
    this.#items.end(error);
    this.#waiting = undefined;
    this.#outlet.stop(this.#id, early);
  }

  next(reader: object): Promise<IteratorResult<unknown>> {
    const next = this.#items.next();
    if (this.#items.waiting > 0) {
      this.#waiting = reader;
      if (!this.#begun) this.#ask(windowItems);
      this.#begun = true;
    }
    return next;
  }

  /** Nobody reads it any more. */
  return(): void {
    this.#items.clear();
    this.end(undefined, true);
  }

  /**
   * The call of this stream has ended: unless it is being read, the stream ends, and a later reader gets the reason.
   */
  callEnded(): void {
    if (this.#items.ended || this.#isRead()) return;
    this.#items.clear();
    this.end(new BusError('ERR_CLOSED', 'The call of this stream has ended'), true);
    // Without the error, which would end the process where nobody listens for it.
    this.readable?.deref()?.destroy();
  }

  #isRead(): boolean {
    if (this.readable === undefined) return this.#waiting !== undefined;
    const readable = this.readable.deref();
    return readable !== undefined && (readable.readableFlowing === true || readable.listenerCount('readable') > 0);
  }

  #give(value: unknown): unknown {
    if (this.#items.waiting === 0) this.#waiting = undefined;
    const due = this.#returned.add(1);
    if (due > 0 && !this.#items.ended) this.#ask(due);
    return value;
  }

  #ask(items: number): void {
    this.#asked += items;
    this.#outlet.credit(this.#id, items);
  }
}

/** A stream of the peer, for one reader. When nothing refers to it any more, its source stops. */
export class StreamIterator implements AsyncIterableIterator<unknown> {
  readonly #stream: ImportedStream;

  constructor(stream: ImportedStream) {
    this.#stream = stream;
  }

  next(): Promise<IteratorResult<unknown>> {
    return this.#stream.next(this);
  }

  return(): Promise<IteratorResult<unknown>> {
    this.#stream.return();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stream.return();
    return Promise.resolve();
  }
}
