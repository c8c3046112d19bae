import { AsyncLocalStorage } from 'node:async_hooks';
import type { Arrival, Settled, Tracer } from '../../session/operations.ts';
import type { PeerHandle } from '../lane.ts';

/** How long a client that gets no context any more continues to look for some. */
const keptMs = 60_000;

/** What belongs together, from where it is begun to all that this causes. */
export abstract class StoredContexts<Store extends object> implements Tracer<PeerHandle> {
  readonly followsMessages = false;
  protected readonly storage = new AsyncLocalStorage<Store>();

  current(): Uint8Array | undefined {
    const store = this.storage.getStore();
    return store && this.bytesOf(store);
  }

  bind<Given extends readonly unknown[], Result>(task: (...given: Given) => Result): (...given: Given) => Result {
    const store = this.storage.getStore();
    return store === undefined ? task : (...given) => this.storage.run(store, () => task(...given));
  }

  outside<Result>(task: () => Result): Result {
    return this.storage.getStore() === undefined ? task() : this.storage.exit(task);
  }

  abstract handle(arrival: Arrival<PeerHandle>, task: (settled?: Settled) => void): void;
  abstract receive(arrival: Arrival<PeerHandle>, task: (settled?: Settled) => void): void;
  protected abstract bytesOf(store: Store): Uint8Array | undefined;
}

/** The tracer of an end that has none: what it sends because of what came with a context belongs to the same one. */
export class PassedContexts extends StoredContexts<Uint8Array> {
  readonly #over: () => void;
  #heardAt = performance.now();

  /** `over`: none came any more, and nobody is to ask this one again. */
  constructor(over: () => void) {
    super();
    this.#over = over;
  }

  override outside<Result>(task: () => Result): Result {
    if (performance.now() - this.#heardAt > keptMs) {
      this.storage.disable();
      this.#over();
      return task();
    }
    return super.outside(task);
  }

  handle({ context }: Arrival<PeerHandle>, task: (settled?: Settled) => void): void {
    if (context === undefined) {
      task();
      return;
    }
    this.#heardAt = performance.now();
    this.storage.run(context, task);
  }

  receive(arrival: Arrival<PeerHandle>, task: (settled?: Settled) => void): void {
    this.handle(arrival, task);
  }

  protected bytesOf(context: Uint8Array): Uint8Array {
    return context;
  }
}
