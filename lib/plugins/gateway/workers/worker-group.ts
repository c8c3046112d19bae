import type { Timer } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import type { UpgradeDetails } from '../request-details.ts';
import type { ShareMode, ShareOptions } from './worker-protocol.ts';
import type { Worker } from './worker.ts';

/** The workers of one route, or those of the WebSocket clients, and whose turn it is. */
export class WorkerGroup {
  readonly mode: ShareMode;
  /** Runs while the group is empty, until it is dissolved. */
  retiring: Timer | undefined;
  readonly #key: string | undefined;
  #workers: readonly Worker[] = [];
  #turn = 0;

  constructor(options: ShareOptions) {
    this.mode = options.share ?? 'round-robin';
    this.#key = options.key?.toLowerCase();
  }

  get workers(): readonly Worker[] {
    return this.#workers;
  }

  /** @throws BusError `ERR_INVALID_ARGUMENT` when this worker has it already, or shares it in another way. */
  add(worker: Worker, options: ShareOptions): void {
    if (this.#workers.includes(worker)) throw new BusError('ERR_INVALID_ARGUMENT', 'This worker has it already');
    if ((options.share ?? 'round-robin') !== this.mode || options.key?.toLowerCase() !== this.#key) {
      throw new BusError('ERR_INVALID_ARGUMENT', `It is shared already, by ${this.mode}`);
    }
    this.#workers = [...this.#workers, worker];
  }

  delete(worker: Worker): boolean {
    const had = this.#workers.includes(worker);
    this.#workers = this.#workers.filter((each) => each !== worker);
    return had;
  }

  /** The worker that gets `item`; one whose link is down only if there is no other. */
  pick(item: UpgradeDetails): Worker | undefined {
    const up = this.#workers.filter((worker) => worker.up);
    const candidates = up.length > 0 ? up : this.#workers;
    if (this.mode !== 'key') return candidates[this.#turn++ % candidates.length];
    const value = this.#key === undefined ? item.remoteAddress : (item.headers[this.#key] ?? '');
    let best: Worker | undefined;
    let highest = -1;
    for (const worker of candidates) {
      const weight = hash(`${worker.number}:${value}`);
      if (weight > highest) [best, highest] = [worker, weight];
    }
    return best;
  }
}

/** FNV-1a with a last mixing: it decides nothing but which of several equals takes a key. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  return (value ^ (value >>> 16)) >>> 0;
}
