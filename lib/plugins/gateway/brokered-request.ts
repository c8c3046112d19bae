import type { Timer } from '../../base/clock.ts';
import type { ToWorker } from './face-message.ts';
import type { RequestDetails } from './http-exchange.ts';
import { hasBody } from '../../transport/linger.ts';
import { TurnQueue } from './turn-queue.ts';
import type { Worker } from './worker.ts';

/** A request that some worker is to answer. */
export class BrokeredRequest {
  readonly id: string;
  readonly details: RequestDetails;
  /** There is no body, so all is told with the first frame. */
  readonly whole: boolean;
  readonly turns = new TurnQueue();
  worker: Worker | undefined;
  /** Body bytes its worker has not taken. */
  untaken = 0;
  /** The worker itself asked for a pause. */
  held = false;
  /** Bytes of a streamed answer that were taken. */
  streamed = 0;
  /** Runs while no worker is there. */
  orphaned: Timer | undefined;
  /** All that is to be told of it, until a worker has begun. */
  #frames: ToWorker[] | undefined;
  #over = false;
  #wake: ((offset: number | undefined) => void) | undefined;

  constructor(id: string, details: RequestDetails) {
    this.id = id;
    this.details = details;
    this.whole = !hasBody(details.headers);
    this.#frames = [[this.whole ? 'whole' : 'request', id, details]];
  }

  tell(frame: ToWorker): void {
    this.#frames?.push(frame);
    this.worker?.send(frame);
  }

  /** Tells all of it to `worker`, whose request it is now. */
  give(worker: Worker): void {
    this.orphaned?.cancel();
    this.orphaned = undefined;
    this.worker = worker;
    const begun = (): void => {
      if (this.worker === worker) this.#frames = undefined;
    };
    for (const [index, frame] of (this.#frames ?? []).entries()) worker.send(frame, index === 0 ? begun : undefined);
  }

  /** Takes it from its worker; true if that has not begun, so that another can have it. */
  release(): boolean {
    this.worker = undefined;
    this.held = false;
    return this.#frames !== undefined;
  }

  /** Resolves with the next offset the client can take, with undefined when it left. */
  writable(): Promise<number | undefined> {
    if (this.#over) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

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
}
