import { copyOf } from '../../../base/bytes.ts';
import { messagesIn } from '../format/message-record.ts';
import { receivedHeadBytes } from '../format/received-record.ts';
import type { Log } from '../log/log.ts';
import { readRecords } from '../log/record-search.ts';
import { type Delivery, nothing } from './delivery.ts';

/** Reads the data of messages again that was released. */
export class Bodies {
  readonly #log: Log;
  #wanted: Delivery[] = [];
  #reading: Promise<void> = Promise.resolve();
  /** The pass that those who ask now are part of. */
  #next: Promise<void> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Resolves when they have their data, read with what others ask for meanwhile. Rejects with what reading fails with. */
  load(deliveries: readonly Delivery[]): Promise<void> {
    const missing = deliveries.filter(({ body }) => body === nothing);
    if (missing.length === 0) return Promise.resolve();
    this.#wanted.push(...missing);
    this.#next ??= this.#reading.then(() => this.#readAll());
    this.#reading = this.#next.catch(() => {});
    return this.#next;
  }

  async #readAll(): Promise<void> {
    const wanted = this.#wanted;
    this.#wanted = [];
    this.#next = undefined;
    const records = new Map<number, Map<number, Delivery>>();
    for (const delivery of wanted) {
      const { record, sequence } = delivery;
      const known = records.get(record) ?? new Map<number, Delivery>();
      records.set(record, known.set(sequence, delivery));
    }
    const positionOf = (record: number): number | undefined => records.get(record)?.values().next().value?.position;
    const give = (record: number, bytes: Uint8Array, start: number, end: number): void => {
      const messages = bytes.subarray(start + receivedHeadBytes, end);
      for (const found of messagesIn(messages)) {
        const delivery = records.get(record)?.get(found.sequence);
        if (delivery?.body === nothing) delivery.body = copyOf(messages.subarray(found.start, found.end));
      }
    };
    await readRecords(this.#log, [...records.keys()], give, positionOf);
    if (wanted.some(({ body }) => body === nothing)) throw new RangeError('A message is not where it was written');
  }
}
