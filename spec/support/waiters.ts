import type { BusError } from '../../lib/index.ts';

/** What waits, and how it ended. */
export class Waiters {
  readonly settled = new Map<string, string>();
  readonly #names: string[] = [];

  add(name: string, promise: Promise<unknown> | undefined): void {
    if (promise === undefined) throw new Error(`${name} does not wait`);
    this.#names.push(name);
    promise.then(
      () => this.settled.set(name, 'resolved'),
      ({ code }: BusError) => this.settled.set(name, code),
    );
  }

  get waiting(): string[] {
    return this.#names.filter((name) => !this.settled.has(name));
  }
}
