import { BusError } from '../../../base/errors.ts';
import { type DeadLetter, MessageCodec } from '../../../bus/plugin.ts';
import { deadHead, deadIdOf, type DeadMark, discardedRecord, readDead } from '../format/dead-letter-record.ts';
import { readRequestBody } from '../format/request-body.ts';
import { type KeptRecord, KeptRecords } from '../log/kept-records.ts';
import type { Log } from '../log/log.ts';
import type { Needs } from '../log/needs.ts';
import { recordHeaderBytes } from '../log/record.ts';
import type { Segment } from '../log/repair.ts';
import { namedBytes, type Shares } from './shares.ts';

interface Place {
  readonly folder: string;
  readonly record: KeptRecord;
  /** Its record is needed no more. */
  readonly free: () => void;
}

/** Where one of an earlier process is. */
export interface FoundDead {
  readonly sequence: number;
  /** The id of the folder of its sender. */
  readonly folder: string;
  /** Of its record. */
  readonly bytes: number;
}

export interface FoundLetter {
  readonly id: string;
  readonly mark: DeadMark;
  readonly data: Uint8Array;
}

/** The messages that failed permanently, which stand in the log until somebody has decided what becomes of them. */
export class DeadLetters {
  readonly #log: Log;
  readonly #records: KeptRecords;
  readonly #shares: Shares;
  readonly #codec = new MessageCodec();
  readonly #places = new Map<string, Place>();

  constructor(log: Log, needs: Needs, shares: Shares, found: ReadonlyMap<string, FoundDead>) {
    this.#log = log;
    this.#records = new KeptRecords(log, needs);
    this.#shares = shares;
    for (const [id, dead] of found) this.#place(id, dead);
  }

  get size(): number {
    return this.#places.size;
  }

  get sequences(): number[] {
    return Array.from(this.#places.values(), ({ record }) => record.sequence);
  }

  /** Resolves once it is written; rejects with what the log fails with. */
  async add(mark: DeadMark, data: Uint8Array): Promise<DeadLetter> {
    const head = deadHead(mark);
    const sequence = this.#log.note(data, head);
    await this.#log.pending;
    const id = deadIdOf(mark);
    this.forget(id);
    this.#place(id, { sequence, folder: mark.folder, bytes: recordHeaderBytes + head.length + data.length });
    return this.#letter({ id, mark, data });
  }

  /** Those of the peer with that folder, where one is given. */
  async list(of?: string): Promise<DeadLetter[]> {
    const letters: DeadLetter[] = [];
    const ids: string[] = [];
    for (const [id, { folder }] of this.#places) if (of === undefined || folder === of) ids.push(id);
    await this.#read(ids, (found) => letters.push(this.#letter(found)));
    return letters;
  }

  /** Rejects with `ERR_INVALID_ARGUMENT` where there is none of that id. */
  async find(id: string): Promise<FoundLetter> {
    let letter: FoundLetter | undefined;
    if (this.#places.get(id)?.record.isLeaving === false) await this.#read([id], (found) => (letter = found));
    if (letter === undefined) throw noDeadLetter(id);
    return letter;
  }

  /** Removes it once `carry` has brought it elsewhere. Rejects as `find` and as that. */
  async carryOff(found: FoundLetter, carry: () => Promise<void>): Promise<void> {
    const { id } = found;
    if (!this.leave(id)) throw noDeadLetter(id);
    try {
      await carry();
    } catch (error) {
      const place = this.#places.get(id);
      if (place !== undefined) place.record.isLeaving = false;
      throw error;
    }
    await this.#remove(id);
  }

  async discard(id: string): Promise<void> {
    if (!this.leave(id)) throw noDeadLetter(id);
    await this.#remove(id);
  }

  async #remove(id: string): Promise<void> {
    this.#log.note(discardedRecord(id));
    await this.#log.pending;
    this.forget(id);
  }

  /** It is on its way out; false where it was already, or is not there. */
  leave(id: string): boolean {
    const place = this.#places.get(id);
    if (place === undefined || place.record.isLeaving) return false;
    place.record.isLeaving = true;
    return true;
  }

  /** It is gone; that is noted. */
  forget(id: string): void {
    const place = this.#places.get(id);
    this.#places.delete(id);
    place?.free();
  }

  /** As `KeptRecords.move`. */
  move(segment: Segment): Promise<number> {
    return this.#records.move(segment);
  }

  #place(id: string, { sequence, folder, bytes }: FoundDead): void {
    const record = this.#records.keep(sequence, bytes);
    const taken = bytes + namedBytes;
    this.#shares.take(folder, taken);
    const free = (): void => {
      this.#shares.give(folder, taken);
      record.free();
    };
    this.#places.set(id, { folder, record, free });
  }

  async #read(ids: readonly string[], give: (found: FoundLetter) => void): Promise<void> {
    const wanted = new Map<KeptRecord, string>();
    for (const id of ids) {
      const place = this.#places.get(id);
      if (place !== undefined) wanted.set(place.record, id);
    }
    await this.#records.read([...wanted.keys()], (record, bytes, start, end) => {
      const id = wanted.get(record);
      if (id !== undefined) give({ id, ...readDead(bytes, start, end) });
    });
  }

  #letter({ id, mark: { code, message, attempts }, data }: FoundLetter): DeadLetter {
    return { id, data: this.#dataOf(data), error: new BusError(code, message), attempts };
  }

  /** Its bytes, where they are not data. */
  #dataOf(bytes: Uint8Array): unknown {
    try {
      return this.#codec.decode(readRequestBody(bytes)?.data ?? bytes);
    } catch {
      return bytes.slice();
    }
  }
}

export function noDeadLetter(id: string): BusError {
  return new BusError('ERR_INVALID_ARGUMENT', `There is no dead letter ${id}`);
}
