import { BusError } from '../../base/errors.ts';
import { Queue } from '../../base/queue.ts';

/** Items that may be on their way or wait to be read. */
const windowItems = 16;

/** How a sink reaches the source. */
export interface SinkOutlet {
  credit(stream: number, items: number): void;
  /** The reader is done with it; called once, also when the source ended it. */
  stop(stream: number, early: boolean): void;
}

/** A stream of the other side's: asks for items as they are read. To be read once. */
export class StreamSink implements AsyncIterableIterator<unknown> {
  readonly #id: number;
  readonly #outlet: SinkOutlet;
  readonly #items = new Queue<unknown>();
  readonly #readers = new Queue<{
    readonly resolve: (result: IteratorResult<unknown>) => void;
    readonly reject: (error: unknown) => void;
  }>();
  #asked = 0;
  #read = 0;
  #end: { readonly error: BusError | undefined } | undefined;

  constructor(id: number, outlet: SinkOutlet) {
    this.#id = id;
    this.#outlet = outlet;
  }

  /** @throws BusError `ERR_PROTOCOL` for an item nobody asked for. */
  item(value: unknown): void {
    if (this.#end !== undefined) return;
    if (this.#asked === 0) throw new BusError('ERR_PROTOCOL', 'A stream sends more than was asked for.');
    this.#asked -= 1;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#items.push(value);
    else this.#deliver(value, reader.resolve);
  }

  /** The source has no more, or failed. What came before is still read. */
  end(error: BusError | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#outlet.stop(this.#id, false);
    const [first, ...others] = this.#readers.clear();
    if (error === undefined) first?.resolve({ done: true, value: undefined });
    else first?.reject(error);
    for (const reader of others) reader.resolve({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<unknown>> {
    return new Promise((resolve, reject) => {
      if (this.#items.length > 0) this.#deliver(this.#items.shift(), resolve);
      else if (this.#end !== undefined) this.#finish(resolve, reject);
      else {
        this.#readers.push({ resolve, reject });
        if (this.#asked + this.#read === 0) this.#ask(windowItems);
      }
    });
  }

  return(): Promise<IteratorResult<unknown>> {
    this.#items.clear();
    if (this.#end === undefined) {
      this.#end = { error: undefined };
      this.#outlet.stop(this.#id, true);
      for (const { resolve } of this.#readers.clear()) resolve({ done: true, value: undefined });
    }
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #deliver(value: unknown, resolve: (result: IteratorResult<unknown>) => void): void {
    this.#read += 1;
    if (this.#read >= windowItems / 2 && this.#end === undefined) this.#ask(this.#read);
    resolve({ done: false, value });
  }

  #ask(items: number): void {
    this.#read = 0;
    this.#asked += items;
    this.#outlet.credit(this.#id, items);
  }

  #finish(resolve: (result: IteratorResult<unknown>) => void, reject: (error: unknown) => void): void {
    const error = this.#end?.error;
    this.#end = { error: undefined };
    if (error === undefined) resolve({ done: true, value: undefined });
    else reject(error);
  }
}
