import { Queue } from '../../../base/queue.ts';
import type { Bodies } from './bodies.ts';
import { type Delivery, nothing } from './delivery.ts';
import { mayHave } from './places.ts';

const mostLeft = 50_000;
/** Of one sender: no more of it is accepted meanwhile, since all others would wait in the end. */
export const mostBehind = 4_000;
/** What is read again at once. */
const loadedAtOnce = 100;
const loadedBytes = 1_048_576;
/** What of all of them may have been read again and wait; then one at a time is. */
const mostLoadedBytes = 4_194_304;

/** Messages that were passed over, since nobody takes them now, by their senders: their data is read again. */
export class LeftBehind {
  readonly #bodies: Bodies;
  readonly #queues = new Map<string, Queue<Delivery>>();
  #count = 0;
  #loadedBytes = 0;

  constructor(bodies: Bodies) {
    this.#bodies = bodies;
  }

  /** For one more of this sender. */
  hasRoom(folder: string): boolean {
    return mayHave(this.lengthOf(folder), mostLeft - this.#count);
  }

  /** How many of this sender there are. */
  lengthOf(folder: string): number {
    return this.#queues.get(folder)?.length ?? 0;
  }

  /** The folders of their senders. */
  get folders(): Iterable<string> {
    return this.#queues.keys();
  }

  has(folder: string): boolean {
    return this.#queues.has(folder);
  }

  /** Before all others of their senders; in order. */
  putBack(deliveries: readonly Delivery[]): void {
    const behind = new Map<string, Delivery[]>();
    for (const { folder } of deliveries) {
      if (!behind.has(folder)) behind.set(folder, this.#queues.get(folder)?.clear() ?? []);
    }
    for (const left of behind.values()) {
      this.#count -= left.length;
      for (const delivery of left) this.#loadedBytes -= loadedOf(delivery);
    }
    for (const delivery of [...deliveries, ...[...behind.values()].flat()]) {
      if (this.#loadedBytes >= mostLoadedBytes) delivery.body = nothing;
      this.#append(delivery);
    }
  }

  /** Behind those of its sender. */
  push(delivery: Delivery): void {
    delivery.body = nothing;
    this.#append(delivery);
  }

  #append(delivery: Delivery): void {
    const queue = this.#queues.get(delivery.folder) ?? new Queue<Delivery>();
    this.#queues.set(delivery.folder, queue);
    queue.push(delivery);
    this.#count += 1;
    this.#loadedBytes += loadedOf(delivery);
  }

  first(folder: string): Delivery | undefined {
    return this.#queues.get(folder)?.first;
  }

  shift(folder: string): Delivery | undefined {
    const queue = this.#queues.get(folder);
    const delivery = queue?.shift();
    if (delivery === undefined) return undefined;
    this.#count -= 1;
    this.#loadedBytes -= loadedOf(delivery);
    if (queue?.length === 0) this.#queues.delete(folder);
    return delivery;
  }

  /** Resolves when the first one has its data, and some behind it. Rejects with what reading fails with. */
  async load(folder: string): Promise<void> {
    const first = this.first(folder);
    if (first?.body !== nothing) return;
    const isFull = this.#loadedBytes >= mostLoadedBytes;
    const missing = isFull ? [first] : firstOf(this.#queues.get(folder) ?? []).filter(({ body }) => body === nothing);
    await this.#bodies.load(missing);
    for (const delivery of missing) this.#loadedBytes += loadedOf(delivery);
  }
}

function loadedOf({ body, bytes }: Delivery): number {
  return body === nothing ? 0 : bytes;
}

/** The first ones, as many as may be in memory. */
export function firstOf(deliveries: Iterable<Delivery>): Delivery[] {
  const found: Delivery[] = [];
  let bytes = 0;
  for (const delivery of deliveries) {
    bytes += delivery.bytes;
    if (found.length === loadedAtOnce || (found.length > 0 && bytes > loadedBytes)) break;
    found.push(delivery);
  }
  return found;
}
