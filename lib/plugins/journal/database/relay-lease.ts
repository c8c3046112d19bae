import { isGone, newOwner, ownerIn } from '../log/folder-lock.ts';
import { type OutboxDatabase, type OutboxStatement, reading } from './outbox-database.ts';
import type { OutboxRows } from './outbox-rows.ts';

/** Of an owner that cannot be asked about, since it is on another machine or in another container. */
const expiredMs = 30_000;

/** The right to send what is in a database, which one outbox at a time has. That of a process that died is taken over. */
export class RelayLease {
  readonly #rows: OutboxRows;
  readonly #owner = newOwner();
  readonly #text = JSON.stringify(this.#owner);
  readonly #read: () => { readonly owner: string | null; readonly seen: number }[];
  readonly #write: OutboxStatement;

  constructor(database: OutboxDatabase, rows: OutboxRows) {
    this.#rows = rows;
    this.#read = reading(database, ['owner', 'seen'], 'busbar_outbox_relay');
    this.#write = database.prepare('UPDATE busbar_outbox_relay SET owner = ?, seen = ?');
  }

  /** Takes it, or keeps it; false where another one has it, undefined where that cannot be told now. */
  hold(): boolean | undefined {
    const mayBe = this.#rows.outside('BEGIN', () => this.#isFree());
    if (mayBe !== true) return mayBe;
    return this.#rows.outside('BEGIN IMMEDIATE', () => {
      if (!this.#isFree()) return false;
      this.#write.run(this.#text, Date.now());
      return true;
    });
  }

  free(): void {
    this.#rows.outside('BEGIN IMMEDIATE', () => {
      const [found] = this.#read();
      if (found?.owner === this.#text) this.#write.run(null, 0);
      return true;
    });
  }

  #isFree(): boolean {
    const [found] = this.#read();
    const text = found?.owner ?? undefined;
    if (found === undefined || text === undefined || text === this.#text) return true;
    const owner = ownerIn(text);
    return owner === undefined || isGone(owner, this.#owner) || Math.abs(Date.now() - found.seen) > expiredMs;
  }
}
