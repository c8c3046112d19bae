import { Queue } from './queue.ts';

interface Taker<Value> {
  resolve(result: IteratorResult<Value>): void;
  reject(error: unknown): void;
}

/** What the one who fills a queue learns of its loop. */
export interface AsyncQueueEvents<Item, Value> {
  /** What the loop gets of an item; called as it gets it. */
  give(item: Item): Value;
  /** The loop was left: `rest` was not given. */
  left?(rest: readonly Item[]): void;
}

/**
 * Items for one `for await`, in order. They arrive one by one, so the producer has to limit them: by granting no more
 * than may wait here, or by stopping the sender. When the queue ends, everyone who waits is notified in the same turn.
 */
export class AsyncQueue<Item, Value = Item> implements AsyncIterableIterator<Value> {
  readonly #events: AsyncQueueEvents<Item, Value>;
  readonly #items = new Queue<Item>();
  readonly #takers = new Queue<Taker<Value>>();
  #end: { readonly error: unknown } | undefined;

  constructor(events: AsyncQueueEvents<Item, Value>) {
    this.#events = events;
  }

  /** Items that no loop has yet. */
  get length(): number {
    return this.#items.length;
  }

  /** How many wait for an item. */
  get waiting(): number {
    return this.#takers.length;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Does nothing once the queue has ended. */
  push(item: Item): void {
    if (this.#end !== undefined) return;
    const taker = this.#takers.shift();
    if (taker === undefined) this.#items.push(item);
    else taker.resolve({ done: false, value: this.#events.give(item) });
  }

  /** No more will come: the loop gets what is here, then `error` once if there is one, and is over. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    for (const { resolve, reject } of this.#takers.clear()) this.#finish(resolve, reject);
  }

  /** Takes out what no loop has yet. */
  clear(): Item[] {
    return this.#items.clear();
  }

  next(): Promise<IteratorResult<Value>> {
    if (this.#items.length > 0) {
      return Promise.resolve({ done: false, value: this.#events.give(this.#items.shift() as Item) });
    }
    return new Promise((resolve, reject) => {
      if (this.#end === undefined) this.#takers.push({ resolve, reject });
      else this.#finish(resolve, reject);
    });
  }

  return(): Promise<IteratorResult<Value>> {
    const rest = this.clear();
    this.end();
    this.#end = { error: undefined };
    this.#events.left?.(rest);
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish(resolve: Taker<Value>['resolve'], reject: Taker<Value>['reject']): void {
    const error = this.#end?.error;
    this.#end = { error: undefined };
    if (error === undefined) resolve({ done: true, value: undefined });
    else reject(error);
  }
}
