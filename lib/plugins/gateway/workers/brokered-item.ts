import type { Timer } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { CreditWindow } from '../../../base/flow-control.ts';
import { Queue } from '../../../base/queue.ts';
import type { UpgradeDetails } from '../request-details.ts';
import type { EventFrame } from './worker-protocol.ts';
import type { Worker } from './worker.ts';

export interface BrokeredItemOptions<Details> {
  readonly id: string;
  readonly details: Details;
  /** The first frame that a worker gets. */
  readonly beginning: EventFrame;
  /** Key of the group of workers that shares it. */
  readonly group: string;
  /** Once a worker has begun it, it stays with that worker; otherwise it can move at any time. */
  readonly sticky: boolean;
  /** Credited bytes that may be on their way to one worker. */
  readonly windowBytes: number;
}

/** A worker that has the item, with its credit window. */
class Holder extends CreditWindow {
  readonly worker: Worker;

  constructor(worker: Worker, windowBytes: number) {
    super(windowBytes);
    this.worker = worker;
  }
}

interface Told {
  readonly frame: EventFrame;
  readonly bytes: number;
  begun: boolean;
}

/** A request or a WebSocket client that one or several workers have, or that waits for one. */
export class BrokeredItem<Details extends UpgradeDetails = UpgradeDetails> {
  readonly id: string;
  readonly details: Details;
  readonly group: string;
  readonly turns = new TurnQueue();
  /** Runs while the item has no worker. */
  orphaned: Timer | undefined;
  /** The worker asked for a pause. */
  paused = false;
  readonly #options: BrokeredItemOptions<Details>;
  /** Replaced when it changes, as sending to a worker may end with its release. */
  #holders: readonly Holder[] = [];
  /** Frames that no worker has begun, for the next worker. */
  readonly #unbegun = new Queue<Told>();
  #movable = true;
  #over = false;
  #wake: ((offset: number | undefined) => void) | undefined;

  constructor(options: BrokeredItemOptions<Details>) {
    this.id = options.id;
    this.details = options.details;
    this.group = options.group;
    this.#options = options;
  }

  get workers(): readonly Worker[] {
    return this.#holders.map(({ worker }) => worker);
  }

  get taken(): boolean {
    return this.#holders.length > 0;
  }

  /** Whether the item can still go to another worker. */
  get movable(): boolean {
    return this.#movable;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Some worker has used up its window, or asked for a pause. */
  get full(): boolean {
    return this.paused || this.#holders.some(({ full }) => full);
  }

  get roomy(): boolean {
    return !this.paused && this.#holders.every(({ roomy }) => roomy);
  }

  has(worker: Worker): boolean {
    return this.#holders.some((holder) => holder.worker === worker);
  }

  /** Gives the item to `worker`, with the frames that no worker has begun. */
  give(worker: Worker): void {
    const { beginning, sticky, windowBytes } = this.#options;
    const first = !this.taken;
    const holder = new Holder(worker, windowBytes);
    this.orphaned?.cancel();
    this.orphaned = undefined;
    this.#holders = [...this.#holders, holder];
    worker.send(beginning, sticky ? () => this.#keep(worker) : undefined);
    if (first) for (const told of this.#unbegun) this.#pass(holder, told);
  }

  /** Takes the item from `worker`; false if the worker did not have it. */
  release(worker: Worker): boolean {
    if (!this.has(worker)) return false;
    this.#holders = this.#holders.filter((holder) => holder.worker !== worker);
    this.paused = false;
    return true;
  }

  /** Sends an event to the workers, or keeps it for the next one; `bytes` count towards the window. */
  tell(frame: EventFrame, bytes: number): void {
    const told = { frame, bytes, begun: false };
    if (this.#movable) this.#unbegun.push(told);
    for (const holder of this.#holders) this.#pass(holder, told);
  }

  took(worker: Worker, bytes: number): void {
    this.#holders.find((holder) => holder.worker === worker)?.grant(bytes);
  }

  /** Resolves with the next offset when the client can take more, with undefined when it left. */
  writable(): Promise<number | undefined> {
    if (this.#over) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** The client can take more, from `offset` on. */
  wake(offset: number | undefined): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.(offset);
  }

  end(): void {
    this.#over = true;
    this.orphaned?.cancel();
    this.wake(undefined);
  }

  #pass(holder: Holder, told: Told): void {
    holder.take(told.bytes);
    holder.worker.send(told.frame, this.#options.sticky ? undefined : () => this.#begun(told));
  }

  #begun(told: Told): void {
    told.begun = true;
    while (this.#unbegun.first?.begun === true) this.#unbegun.shift();
  }

  #keep(worker: Worker): void {
    if (!this.has(worker)) return;
    this.#movable = false;
    if (this.#unbegun.length > 0) this.#unbegun.clear();
  }
}

const maxWaiting = 1024;
const settled = Promise.resolve();

/** Runs tasks one after the other, in the order they came. */
class TurnQueue {
  #tail: Promise<unknown> = settled;
  #waiting = 0;

  get idle(): boolean {
    return this.#waiting === 0;
  }

  /** Settles as `task` does. Rejects with `ERR_QUEUE_FULL` when too many wait. */
  run<Result>(task: () => Result | Promise<Result>): Promise<Result> {
    if (this.#waiting >= maxWaiting) {
      return Promise.reject(new BusError('ERR_QUEUE_FULL', 'Too many writes to one client wait already'));
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
