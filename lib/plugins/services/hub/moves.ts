import { asBusError } from '../../../base/errors.ts';
import { Queue } from '../../../base/queue.ts';

/** Keys that are opened or moved at once, beside those that calls wait for. */
const mostMoves = 64;

/** Moves of keys: a limited number runs at once, the others wait in their order. */
export class Moves {
  readonly #waiting = new Queue<() => Promise<void>>();
  #open = 0;

  /** Runs a move when it is its turn, and settles with it. */
  soon(move: () => Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() =>
        move().then(
          () => resolve(),
          (error: unknown) => reject(asBusError(error, 'ERR_REMOTE')),
        ),
      );
      this.#next();
    });
  }

  #next(): void {
    while (this.#open < mostMoves && this.#waiting.length > 0) {
      const move = this.#waiting.shift();
      if (move === undefined) return;
      this.#open += 1;
      void move().finally(() => {
        this.#open -= 1;
        this.#next();
      });
    }
  }
}
