import { BusError } from '../../base/errors.ts';
import { Queue } from '../../base/queue.ts';
import type { Device } from './device.ts';

/** What happens at a port, in order. */
export type DeviceEvent =
  | { readonly type: 'opened'; readonly device: Device }
  | { readonly type: 'received'; readonly device: Device; readonly bytes: Buffer }
  | { readonly type: 'closed'; readonly device: Device };

/** The events of a port for one `for await`; what it has not taken yet waits here, within the port's window. */
export class DeviceEvents implements AsyncIterableIterator<DeviceEvent> {
  readonly #onTaken: (event: DeviceEvent) => void;
  readonly #onLeft: () => void;
  readonly #queue = new Queue<DeviceEvent>();
  readonly #waiting = new Queue<{
    resolve(result: IteratorResult<DeviceEvent>): void;
    reject(error: unknown): void;
  }>();
  #end: { readonly error: BusError | undefined } | undefined;

  /** `onTaken` is called for each event that was handed out or thrown away, `onLeft` when the loop was left. */
  constructor(onTaken: (event: DeviceEvent) => void, onLeft: () => void) {
    this.#onTaken = onTaken;
    this.#onLeft = onLeft;
  }

  push(event: DeviceEvent): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      this.#queue.push(event);
      return;
    }
    this.#onTaken(event);
    waiting.resolve({ value: event, done: false });
  }

  /** No more will come: the loop ends after what is queued, with the error if there is one. */
  finish(error: BusError | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    for (const { resolve, reject } of this.#waiting.clear()) this.next().then(resolve, reject);
  }

  next(): Promise<IteratorResult<DeviceEvent>> {
    const event = this.#queue.shift();
    if (event !== undefined) {
      this.#onTaken(event);
      return Promise.resolve({ value: event, done: false });
    }
    const end = this.#end;
    if (end === undefined) return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    // The failure is told once; after that the iterator is merely done.
    this.#end = { error: undefined };
    if (end.error !== undefined) return Promise.reject(end.error);
    return Promise.resolve({ value: undefined, done: true });
  }

  return(): Promise<IteratorResult<DeviceEvent>> {
    this.finish(undefined);
    for (const event of this.#queue.clear()) this.#onTaken(event);
    this.#onLeft();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
