import type { Clock, Timer } from '../../base/clock.ts';

/** A node that something is on its way to is looked after so often. */
const lookMs = 10;

export interface LookoutOptions {
  readonly clock: Clock;
  /** The nodes that something written is on its way to. */
  awaited(): Iterable<string>;
  /** Looks whether someone listens for a node. */
  look(node: string): void;
}

/** Looks after the nodes that something is on its way to, as a node that died says nothing. */
export class Lookout {
  readonly #options: LookoutOptions;
  /** Calls that are open, by node. */
  readonly #calls = new Map<string, number>();
  #timer: Timer | undefined;

  constructor(options: LookoutOptions) {
    this.#options = options;
  }

  /** Until `call` settles; returns it. */
  during<Result>(node: string, call: Promise<Result>): Promise<Result> {
    this.#calls.set(node, (this.#calls.get(node) ?? 0) + 1);
    this.begin();
    const over = (): void => {
      const left = (this.#calls.get(node) ?? 0) - 1;
      if (left > 0) this.#calls.set(node, left);
      else this.#calls.delete(node);
    };
    call.then(over, over);
    return call;
  }

  /** Something is on its way. */
  begin(): void {
    this.#timer ??= this.#options.clock.setTimer(this.#look, lookMs, true);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    const nodes = new Set([...this.#calls.keys(), ...this.#options.awaited()]);
    if (nodes.size === 0) return;
    for (const node of nodes) this.#options.look(node);
    this.begin();
  };
}
