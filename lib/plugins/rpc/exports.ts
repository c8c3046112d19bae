import { BusError } from '../../base/errors.ts';
import { endStreamsIn, ExportedStream, type ExportedStreamOutlet } from './exported-stream.ts';
import type { RpcLimits } from './options.ts';
import type { AnyFunction, Exporter, Reference } from './references.ts';

/** Numbers of what an end exports; none comes twice, in whichever session. */
export interface ExportNumbers {
  last: number;
}

/** What of this end's the peer holds: functions until it releases them, streams until they are over. */
export class Exports implements Exporter {
  readonly #limits: RpcLimits;
  readonly #numbers: ExportNumbers;
  readonly #outlet: ExportedStreamOutlet;
  readonly #functions = new Map<number, AnyFunction>();
  readonly #streams = new Map<number, ExportedStream>();
  #closed: BusError | undefined;

  constructor(limits: RpcLimits, numbers: ExportNumbers, outlet: ExportedStreamOutlet) {
    this.#limits = limits;
    this.#numbers = numbers;
    this.#outlet = outlet;
  }

  /** @throws BusError `ERR_TOO_LARGE` when the peer holds as many as it may. */
  exportFunction(target: AnyFunction): number {
    this.#check(this.#functions.size, this.#limits.maxFunctions, 'functions are exported');
    const id = ++this.#numbers.last;
    this.#functions.set(id, target);
    return id;
  }

  /** @throws BusError `ERR_TOO_LARGE` when the peer holds as many as it may. */
  exportStream(stream: AsyncIterable<unknown>): number {
    this.#check(this.#streams.size, this.#limits.maxStreams, 'streams are open');
    const id = ++this.#numbers.last;
    const outlet: ExportedStreamOutlet = {
      item: this.#outlet.item,
      end: (_id, error) => {
        this.#streams.delete(id);
        this.#outlet.end(id, error);
      },
    };
    this.#streams.set(id, new ExportedStream(id, stream, outlet));
    return id;
  }

  function(id: number): AnyFunction | undefined {
    return this.#functions.get(id);
  }

  /** The peer has release a function. */
  release(id: number): void {
    this.#functions.delete(id);
  }

  /** The peer takes more of a stream; one that is gone is told to be over, so that nobody waits for it. */
  credit(id: number, items: number): void {
    const source = this.#streams.get(id);
    if (source !== undefined) source.credit(items);
    else this.#outlet.end(id, new BusError('ERR_CLOSED', 'The stream has ended or was withdrawn'));
  }

  /** The peer wants no more of a stream. */
  stop(id: number): void {
    this.#streams.get(id)?.stop();
    this.#streams.delete(id);
  }

  /** What was exported does not reach the peer. */
  revoke(refs: readonly Reference[]): void {
    for (const [, what, id] of refs) {
      if (what === 'function') this.release(id);
      else this.stop(id);
    }
  }

  /** Nothing of `value` reaches the peer: its streams end, those that were exported as `refs` and the others. */
  refuse(value: unknown, refs: readonly Reference[] = []): void {
    const exported = refs.map(([, , id]) => this.#streams.get(id)?.source);
    this.revoke(refs);
    endStreamsIn(value, exported);
  }

  /** Calls `hook` when all streams among `refs` are over; never where there are none. */
  whenOver(refs: readonly Reference[], hook: () => void): void {
    const streams = refs.filter(([, what]) => what !== 'function');
    const sources = streams.map(([, , id]) => this.#streams.get(id)).filter((source) => source !== undefined);
    let open = sources.length;
    if (streams.length > 0 && open === 0) hook();
    for (const source of sources) {
      source.whenOver(() => {
        open -= 1;
        if (open === 0) hook();
      });
    }
  }

  /** The peer is gone. */
  close(error: BusError): void {
    this.#closed = error;
    this.#functions.clear();
    const sources = [...this.#streams.values()];
    this.#streams.clear();
    for (const source of sources) source.stop();
  }

  #check(count: number, limit: number, what: string): void {
    if (this.#closed !== undefined) throw this.#closed;
    if (count >= limit) throw new BusError('ERR_TOO_LARGE', `${limit} ${what} already`);
  }
}
