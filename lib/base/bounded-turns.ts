import { dataSize } from './data-size.ts';
import { BusError } from './errors.ts';

/** How many tasks may wait. */
const maxWaiting = 10_000;
/** What a task costs besides its data, so that tiny ones count too. */
const taskCost = 64;

/** Tasks that run one after the other, and so keep the order of what they are about; how much may wait is limited. */
export class BoundedTurns {
  readonly #maxBytes: number;
  readonly #what: string;
  #last: Promise<void> = Promise.resolve();
  #count = 0;
  #bytes = 0;
  #open = true;

  /** `what` waits is said in errors. */
  constructor(maxBytes: number, what: string) {
    this.#maxBytes = maxBytes;
    this.#what = what;
  }

  /**
   * Runs `task`, which keeps `data`, in its turn; settles as it does.
   * @throws BusError `ERR_QUEUE_FULL` when too much waits already.
   */
  add(data: unknown, task: () => Promise<void>): Promise<void> {
    const bytes = dataSize(data) + taskCost;
    if (this.#count >= maxWaiting || this.#bytes + bytes > this.#maxBytes) {
      throw new BusError('ERR_QUEUE_FULL', `Too many ${this.#what}`);
    }
    this.#count += 1;
    this.#bytes += bytes;
    const turn = this.#last.then(() => (this.#open ? task() : undefined));
    const over = (): void => {
      this.#count -= 1;
      this.#bytes -= bytes;
    };
    this.#last = turn.then(over, over);
    return turn;
  }

  /** What waits is not run any more. */
  close(): void {
    this.#open = false;
  }
}
