import { BusError } from '../../base/errors.ts';
import type { RpcLimits } from './limits.ts';
import type { AnyFunction, Lender, Reference } from './references.ts';
import { endStreamsIn, type SourceOutlet, StreamSource } from './stream-source.ts';

/** Numbers of what an end lends; none comes twice, in whichever session. */
export interface LoanNumbers {
  last: number;
}

/** What of this end's the other side holds: functions until it lets go of them, streams until they are over. */
export class Loans implements Lender {
  readonly #limits: RpcLimits;
  readonly #numbers: LoanNumbers;
  readonly #outlet: SourceOutlet;
  readonly #functions = new Map<number, AnyFunction>();
  readonly #sources = new Map<number, StreamSource>();
  #closed: BusError | undefined;

  constructor(limits: RpcLimits, numbers: LoanNumbers, outlet: SourceOutlet) {
    this.#limits = limits;
    this.#numbers = numbers;
    this.#outlet = outlet;
  }

  /** @throws BusError `ERR_TOO_LARGE` when the other side holds as many as it may. */
  lendFunction(target: AnyFunction): number {
    this.#check(this.#functions.size, this.#limits.maxFunctions, 'functions are lent');
    const id = ++this.#numbers.last;
    this.#functions.set(id, target);
    return id;
  }

  /** @throws BusError `ERR_TOO_LARGE` when the other side holds as many as it may. */
  lendStream(stream: AsyncIterable<unknown>): number {
    this.#check(this.#sources.size, this.#limits.maxStreams, 'streams are open');
    const id = ++this.#numbers.last;
    const outlet: SourceOutlet = {
      item: this.#outlet.item,
      end: (_id, error) => {
        this.#sources.delete(id);
        this.#outlet.end(id, error);
      },
    };
    this.#sources.set(id, new StreamSource(id, stream, outlet));
    return id;
  }

  function(id: number): AnyFunction | undefined {
    return this.#functions.get(id);
  }

  /** The other side has let go of a function. */
  release(id: number): void {
    this.#functions.delete(id);
  }

  /** The other side takes more of a stream; one that is gone is told to be over, so that nobody waits for it. */
  credit(id: number, items: number): void {
    const source = this.#sources.get(id);
    if (source !== undefined) source.credit(items);
    else this.#outlet.end(id, new BusError('ERR_CLOSED', 'The stream is over, or was taken back.'));
  }

  /** The other side wants no more of a stream. */
  stop(id: number): void {
    this.#sources.get(id)?.stop();
    this.#sources.delete(id);
  }

  /** What was lent does not reach the other side. */
  takeBack(refs: readonly Reference[]): void {
    for (const [, what, id] of refs) {
      if (what === 'function') this.release(id);
      else this.stop(id);
    }
  }

  /** Nothing of `value` reaches the other side: its streams end, those that were lent as `refs` and the others. */
  refuse(value: unknown, refs: readonly Reference[] = []): void {
    const lent = refs.map(([, , id]) => this.#sources.get(id)?.source);
    this.takeBack(refs);
    endStreamsIn(value, lent);
  }

  /** Calls `hook` when all streams among `refs` are over; never where there are none. */
  whenOver(refs: readonly Reference[], hook: () => void): void {
    const streams = refs.filter(([, what]) => what !== 'function');
    const sources = streams.map(([, , id]) => this.#sources.get(id)).filter((source) => source !== undefined);
    let open = sources.length;
    if (streams.length > 0 && open === 0) hook();
    for (const source of sources) {
      source.whenOver(() => {
        open -= 1;
        if (open === 0) hook();
      });
    }
  }

  /** The other side is gone. */
  close(error: BusError): void {
    this.#closed = error;
    this.#functions.clear();
    const sources = [...this.#sources.values()];
    this.#sources.clear();
    for (const source of sources) source.stop();
  }

  #check(count: number, limit: number, what: string): void {
    if (this.#closed !== undefined) throw this.#closed;
    if (count >= limit) throw new BusError('ERR_TOO_LARGE', `${limit} ${what} already.`);
  }
}
