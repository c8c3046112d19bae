import { BusError } from '../../base/errors.ts';

const maxWaiting = 1024;
const settled = Promise.resolve();

/** Tasks one after the other, in the order they came. */
export class TurnQueue {
  #tail: Promise<unknown> = settled;
  #waiting = 0;

  get idle(): boolean {
    return this.#waiting === 0;
  }

  /** Settles as `task` does. Rejects `ERR_QUEUE_FULL` when too many wait. */
  run<Result>(task: () => Result | Promise<Result>): Promise<Result> {
    if (this.#waiting >= maxWaiting) {
      return Promise.reject(new BusError('ERR_QUEUE_FULL', 'too many writes to one client wait already'));
    }
    this.#waiting += 1;
    const result = this.#tail.then(task).finally(() => {
      this.#waiting -= 1;
    });
    this.#tail = result.catch(ignore);
    return result;
  }
}

function ignore(): void {}
