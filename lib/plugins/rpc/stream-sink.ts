import type { Readable } from 'node:stream';
import { BusError } from '../../base/errors.ts';

/** Items that may be on their way or wait to be read. */
const windowItems = 16;

/** How a sink reaches the source. */
export interface SinkOutlet {
  credit(stream: number, items: number): void;
  /** The reader is done with it; called once, also when the source ended it. */
  stop(stream: number, early: boolean): void;
}

interface Waiting {
  readonly resolve: (result: IteratorResult<unknown>) => void;
  readonly reject: (error: unknown) => void;
  /** What is read by: whoever waits for an item may not hold it otherwise. */
  readonly reader: object;
}

/** The near end of a stream of the other side's: asks for items as they are read. */
export class StreamSink {
  /** What it is read by, where that is a `Readable`. */
  readable: WeakRef<Readable> | undefined;
  readonly #id: number;
  readonly #outlet: SinkOutlet;
  #items: unknown[] = [];
  #waiting: Waiting[] = [];
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
    const first = this.#waiting.shift();
    if (first === undefined) this.#items.push(value);
    else this.#deliver(value, first.resolve);
  }

  /** The source has no more, or failed, or (`early`) cannot be reached. What came before is still read. */
  end(error: BusError | undefined, early = false): void {
    if (this.#end === undefined) this.#over(error, early);
  }

  next(reader: object): Promise<IteratorResult<unknown>> {
    return new Promise((resolve, reject) => {
      if (this.#items.length > 0) this.#deliver(this.#items.shift(), resolve);
      else if (this.#end !== undefined) this.#finish(resolve, reject);
      else {
        this.#waiting.push({ resolve, reject, reader });
        if (this.#asked + this.#read === 0) this.#ask(windowItems);
      }
    });
  }

  /** Nobody reads it any more. */
  return(): void {
    this.#items = [];
    if (this.#end === undefined) this.#over(undefined, true);
  }

  /** The call it was an argument of is over: unless somebody is reading it, it ends, and whoever reads it later hears why. */
  callEnded(): void {
    if (this.#end !== undefined || this.#isRead()) return;
    this.#items = [];
    this.#over(new BusError('ERR_CLOSED', 'The call that this stream was an argument of is over.'), true);
    // Without the error, which would end the process where nobody listens for it.
    this.readable?.deref()?.destroy();
  }

  #isRead(): boolean {
    if (this.readable === undefined) return this.#waiting.length > 0;
    const readable = this.readable.deref();
    return readable !== undefined && (readable.readableFlowing === true || readable.listenerCount('readable') > 0);
  }

  #over(error: BusError | undefined, early: boolean): void {
    const [first, ...others] = this.#waiting;
    this.#waiting = [];
    this.#end = { error: first === undefined ? error : undefined };
    this.#outlet.stop(this.#id, early);
    if (error === undefined) first?.resolve({ done: true, value: undefined });
    else first?.reject(error);
    for (const { resolve } of others) resolve({ done: true, value: undefined });
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
