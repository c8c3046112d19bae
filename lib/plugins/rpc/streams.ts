import { BusError } from '../../base/errors.ts';
import { StreamSink, type SinkOutlet } from './stream-sink.ts';
import { StreamSource, type SourceOutlet } from './stream-source.ts';

const maxStreams = 1_000;

/** The streams of one session: those lent, numbered here, and those borrowed, numbered by the other side. */
export class Streams {
  readonly #outlet: SourceOutlet & SinkOutlet;
  readonly #sources = new Map<number, StreamSource>();
  readonly #sinks = new Map<number, StreamSink>();
  #lastId = 0;

  constructor(outlet: SourceOutlet & SinkOutlet) {
    this.#outlet = outlet;
  }

  /** @throws BusError `ERR_TOO_LARGE` when a thousand are lent. */
  lend(source: AsyncIterable<unknown>): number {
    if (this.#sources.size >= maxStreams)
      throw new BusError('ERR_TOO_LARGE', `${maxStreams} streams are open already.`);
    this.#lastId += 1;
    this.#sources.set(this.#lastId, new StreamSource(this.#lastId, source, this.#outlet));
    return this.#lastId;
  }

  /** @throws BusError `ERR_PROTOCOL` for a number in use, or when a thousand are borrowed. */
  borrow(id: number): AsyncIterable<unknown> {
    if (this.#sinks.has(id) || this.#sinks.size >= maxStreams)
      throw new BusError('ERR_PROTOCOL', 'A stream cannot be opened.');
    const sink = new StreamSink(id, this.#outlet);
    this.#sinks.set(id, sink);
    return sink;
  }

  item(id: number, value: unknown): void {
    this.#sinks.get(id)?.item(value);
  }

  ended(id: number, error: BusError | undefined): void {
    this.#sinks.get(id)?.end(error);
  }

  credit(id: number, items: number): void {
    this.#sources.get(id)?.credit(items);
  }

  /** Ends a stream that was lent. */
  stop(id: number): void {
    this.#sources.get(id)?.stop();
    this.#sources.delete(id);
  }

  /** Nothing more comes on a stream that was borrowed. */
  forget(id: number): void {
    this.#sinks.delete(id);
  }

  close(error: BusError): void {
    for (const source of this.#sources.values()) source.stop();
    this.#sources.clear();
    for (const sink of [...this.#sinks.values()]) sink.end(error);
    this.#sinks.clear();
  }
}
