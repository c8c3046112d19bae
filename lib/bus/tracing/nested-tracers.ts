import type { Arrival, Operation, Settled, Tracer } from '../../session/operations.ts';
import type { PeerHandle } from '../lane.ts';

/** Two that follow: the first one as if it were alone, and the second one within it. */
export class NestedTracers implements Tracer<PeerHandle> {
  readonly followsMessages: boolean;
  readonly #outer: Tracer<PeerHandle>;
  readonly #inner: Tracer<PeerHandle>;

  constructor(outer: Tracer<PeerHandle>, inner: Tracer<PeerHandle>) {
    this.#outer = outer;
    this.#inner = inner;
    this.followsMessages = outer.followsMessages || inner.followsMessages;
  }

  current(): Uint8Array | undefined {
    return this.#outer.current() ?? this.#inner.current();
  }

  bind<Given extends readonly unknown[], Result>(task: (...given: Given) => Result): (...given: Given) => Result {
    return this.#outer.bind(this.#inner.bind(task));
  }

  outside<Result>(task: () => Result): Result {
    return this.#outer.outside(() => this.#inner.outside(task));
  }

  request(operation: Operation<PeerHandle>, task: () => Promise<unknown>): Promise<unknown> {
    const within = (): Promise<unknown> => this.#inner.request?.(operation, task) ?? task();
    return this.#outer.request?.(operation, within) ?? within();
  }

  send<Result>(operation: Operation<PeerHandle>, task: () => Result): Result {
    const inner = this.#inner;
    const within = inner.send === undefined ? task : () => inner.send?.(operation, task) as Result;
    return this.#outer.send === undefined ? within() : this.#outer.send(operation, within);
  }

  handle(arrival: Arrival<PeerHandle>, task: (settled?: Settled) => void): void {
    this.#outer.handle(arrival, (one) => this.#inner.handle(arrival, (other) => task(both(one, other))));
  }

  receive(arrival: Arrival<PeerHandle>, task: (settled?: Settled) => void): void {
    this.#outer.receive(arrival, (one) => this.#inner.receive(arrival, (other) => task(both(one, other))));
  }
}

function both(one: Settled | undefined, other: Settled | undefined): Settled | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return (failure, result) => {
    one(failure, result);
    other(failure, result);
  };
}
