import type { Timer } from '../../base/clock.ts';
import { TurnQueue } from './turn-queue.ts';
import type { UpgradeDetails } from './upgrade-gate.ts';
import type { Worker } from './worker.ts';

interface Message {
  readonly isBinary: boolean;
  readonly data: Buffer;
}

/** A WebSocket client that workers have, one of them or all. */
export class BrokeredClient {
  readonly id: string;
  readonly details: UpgradeDetails;
  readonly turns = new TurnQueue();
  /** Bytes each worker has not taken. */
  readonly #untaken = new Map<Worker, number>();
  /** Runs while no worker is there. */
  orphaned: Timer | undefined;
  /** Messages that nobody has begun. */
  readonly #unbegun = new Set<Message>();
  #over = false;
  #wake: ((caughtUp: boolean) => void) | undefined;

  constructor(id: string, details: UpgradeDetails) {
    this.id = id;
    this.details = details;
  }

  get workers(): ReadonlySet<Worker> {
    return new Set(this.#untaken.keys());
  }

  get over(): boolean {
    return this.#over;
  }

  /** Bytes that the slowest worker has not taken. */
  get untaken(): number {
    return Math.max(0, ...this.#untaken.values());
  }

  /** Tells `worker` of the client, and of what nobody has begun. */
  give(worker: Worker): void {
    const first = this.#untaken.size === 0;
    this.orphaned?.cancel();
    this.orphaned = undefined;
    this.#untaken.set(worker, 0);
    worker.send(['client', this.id, this.details]);
    if (first) for (const message of this.#unbegun) this.#pass(worker, message);
  }

  /** Takes the client from `worker`; false if it was not that one's. */
  release(worker: Worker): boolean {
    return this.#untaken.delete(worker);
  }

  message(isBinary: boolean, data: Buffer): void {
    const message = { isBinary, data };
    this.#unbegun.add(message);
    for (const worker of this.#untaken.keys()) this.#pass(worker, message);
  }

  took(worker: Worker, bytes: number): void {
    const untaken = this.#untaken.get(worker);
    if (untaken !== undefined) this.#untaken.set(worker, Math.max(0, untaken - bytes));
  }

  /** Resolves true when the client took what waited for it, false when it left. */
  untilCaughtUp(): Promise<boolean> {
    if (this.#over) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  caughtUp(): void {
    this.#wake?.(true);
    this.#wake = undefined;
  }

  end(): void {
    this.#over = true;
    this.orphaned?.cancel();
    this.#wake?.(false);
    this.#wake = undefined;
  }

  #pass(worker: Worker, message: Message): void {
    const { isBinary, data } = message;
    this.#untaken.set(worker, (this.#untaken.get(worker) ?? 0) + data.length);
    worker.send(['message', this.id, isBinary, data], () => this.#unbegun.delete(message));
  }
}
