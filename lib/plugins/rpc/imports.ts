import { Readable } from 'node:stream';
import { BusError } from '../../base/errors.ts';
import { ImportedStream, type ImportedStreamOutlet, StreamIterator } from './imported-stream.ts';
import type { RpcLimits } from './options.ts';
import type { AnyFunction, Importer, Reference } from './references.ts';

/** How imported functions are called and release. */
export interface ImportsOutlet extends ImportedStreamOutlet {
  call(id: number, args: readonly unknown[]): Promise<unknown>;
  notify(id: number, args: readonly unknown[]): Promise<void>;
  release(id: number): void;
}

/** What this end holds of the peer. Whatever nobody here can reach any more is released by itself. */
export class Imports implements Importer {
  readonly #limits: RpcLimits;
  readonly #outlet: ImportsOutlet;
  readonly #functions = new Set<number>();
  readonly #streams = new Map<number, ImportedStream>();
  /** A function by its number, a stream by what it is read from. */
  readonly #unreachable = new FinalizationRegistry<number | ImportedStream>((held) => {
    if (typeof held === 'number') this.#release(held);
    else held.return();
  });
  #closed: BusError | undefined;

  constructor(limits: RpcLimits, outlet: ImportsOutlet) {
    this.#limits = limits;
    this.#outlet = outlet;
  }

  /** @throws BusError `ERR_TOO_LARGE` when as many are held as may be, `ERR_PROTOCOL` for a number in use. */
  importFunction(id: number): AnyFunction {
    this.#check(this.#functions.has(id), this.#functions.size, this.#limits.maxFunctions, 'functions');
    this.#functions.add(id);
    // Both hold on to it, so that either of them keeps the function alive.
    const held = { id };
    this.#unreachable.register(held, id);
    const call: AnyFunction = (...args) => this.#outlet.call(held.id, args);
    const $notify: AnyFunction = (...args) => this.#outlet.notify(held.id, args);
    const dispose = (): Promise<void> => {
      this.#release(held.id);
      return Promise.resolve();
    };
    return Object.assign(call, { $notify, [Symbol.asyncDispose]: dispose });
  }

  /** @throws BusError as `importFunction`. */
  importStream(id: number, what: 'iterable' | 'readable'): AsyncIterable<unknown> {
    this.#check(this.#streams.has(id), this.#streams.size, this.#limits.maxStreams, 'streams');
    const stream = new ImportedStream(id, {
      credit: this.#outlet.credit,
      stop: (_id, early) => {
        this.#streams.delete(id);
        this.#outlet.stop(id, early);
      },
    });
    this.#streams.set(id, stream);
    const reader = new StreamIterator(stream);
    this.#unreachable.register(reader, stream);
    if (this.#closed !== undefined) stream.end(this.#closed);
    if (what === 'iterable') return reader;
    const readable = Readable.from(reader);
    // In web pages it stays the reader.
    if (readable instanceof Readable) stream.readable = new WeakRef(readable);
    return readable;
  }

  /** @throws BusError `ERR_PROTOCOL` for an item nobody asked for. */
  item(id: number, value: unknown): void {
    this.#streams.get(id)?.item(value);
  }

  ended(id: number, error: BusError | undefined): void {
    this.#streams.get(id)?.end(error);
  }

  /** A stream cannot be read on. */
  failed(id: number, error: BusError): void {
    this.#streams.get(id)?.end(error, true);
  }

  /** What `refs` stand for is not used here. */
  releaseAll(refs: readonly Reference[]): void {
    for (const [, what, id] of refs) {
      const stream = this.#streams.get(id);
      if (what === 'function') {
        this.#functions.delete(id);
        this.#outlet.release(id);
      } else if (stream === undefined) {
        this.#outlet.stop(id, true);
      } else {
        stream.return();
      }
    }
  }

  /** A call is over that had `refs` among its arguments: streams that nobody reads are released. */
  callEnded(refs: readonly Reference[]): void {
    for (const [, what, id] of refs) {
      if (what !== 'function') this.#streams.get(id)?.callEnded();
    }
  }

  /** The peer is gone. */
  close(error: BusError): void {
    this.#closed = error;
    this.#functions.clear();
    for (const stream of [...this.#streams.values()]) stream.end(error);
    this.#streams.clear();
  }

  #release(id: number): void {
    if (this.#functions.delete(id)) this.#outlet.release(id);
  }

  #check(known: boolean, count: number, limit: number, what: string): void {
    if (known) throw new BusError('ERR_PROTOCOL', 'An export of the peer has a number that is in use');
    if (count >= limit) throw new BusError('ERR_TOO_LARGE', `This end holds ${limit} ${what} of the peer already`);
  }
}
