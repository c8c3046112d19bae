import type { Clock } from '../../../base/clock.ts';
import { withinTime } from '../../../base/wait.ts';
import type { Call } from './call.ts';

/** The calls that the owner of a key has, in their order. */
export class BegunCalls {
  #calls: Set<Call> | undefined;
  #whenDone: (() => void) | undefined;

  add(call: Call): void {
    (this.#calls ??= new Set()).add(call);
  }

  delete(call: Call): void {
    this.#calls?.delete(call);
    if (this.#calls?.size === 0) this.take();
  }

  /** Resolves when there is none, or after that time. */
  async whenDone(clock: Clock, withinMs: number): Promise<void> {
    if (this.#calls === undefined) return;
    await withinTime(clock, withinMs, new Promise<void>((resolve) => (this.#whenDone = resolve)));
  }

  /** Takes out all. */
  take(): Iterable<Call> {
    const calls = this.#calls ?? [];
    this.#calls = undefined;
    this.#whenDone?.();
    this.#whenDone = undefined;
    return calls;
  }
}
