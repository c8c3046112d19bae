import type { StreamSink } from './stream-sink.ts';

/** A stream of the other side's in the hands of whoever reads it, once. When nobody holds it any more, its source stops. */
export class StreamReader implements AsyncIterableIterator<unknown> {
  readonly #sink: StreamSink;

  constructor(sink: StreamSink) {
    this.#sink = sink;
  }

  next(): Promise<IteratorResult<unknown>> {
    return this.#sink.next(this);
  }

  return(): Promise<IteratorResult<unknown>> {
    this.#sink.return();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#sink.return();
    return Promise.resolve();
  }
}
