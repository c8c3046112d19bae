import { BusError } from '../../base/errors.ts';
import type { AnyFunction } from './references.ts';

const maxFunctions = 10_000;

/** Callbacks that the other side may call until it lets go of them, or is gone. */
export class LentFunctions {
  readonly #functions = new Map<number, AnyFunction>();
  #lastId = 0;

  /** @throws BusError `ERR_TOO_LARGE` when the other side holds ten thousand. */
  lend(target: AnyFunction): number {
    if (this.#functions.size >= maxFunctions) {
      throw new BusError('ERR_TOO_LARGE', `The other side holds ${maxFunctions} callbacks already.`);
    }
    this.#lastId += 1;
    this.#functions.set(this.#lastId, target);
    return this.#lastId;
  }

  get(id: number): AnyFunction | undefined {
    return this.#functions.get(id);
  }

  release(id: number): void {
    this.#functions.delete(id);
  }

  clear(): void {
    this.#functions.clear();
  }
}
