import { allocate, concat } from '../../../base/bytes.ts';
import { systemRandom, token } from '../../../base/random.ts';
import { textOf } from '../../../base/thrown.ts';
import { messageHead } from '../format/message-record.ts';
import type { Stretch } from '../log/log-reader.ts';
import { recordHeaderBytes, sealRecord } from '../log/record.ts';
import type { Source, SourceReader } from '../sender/source.ts';
import { isBusy, isWithinTransaction, type OutboxDatabase, type OutboxStatement, reading } from './outbox-database.ts';

const tables = `
CREATE TABLE IF NOT EXISTS busbar_outbox (
  row INTEGER PRIMARY KEY AUTOINCREMENT,
  journal TEXT NOT NULL,
  time INTEGER NOT NULL,
  body BLOB NOT NULL,
  error TEXT
);
CREATE TABLE IF NOT EXISTS busbar_outbox_relay (
  id TEXT NOT NULL,
  owner TEXT,
  seen INTEGER NOT NULL
);
INSERT INTO busbar_outbox_relay (id, owner, seen)
  SELECT '%id%', NULL, 0 WHERE NOT EXISTS (SELECT 1 FROM busbar_outbox_relay);
`;

interface Row {
  readonly row: number;
  readonly journal: string;
  readonly time: number;
  readonly body: Uint8Array;
}

/** The messages in the database of a user: committed rows, in order, until they are acknowledged. */
export class OutboxRows implements Source {
  /** Rows of this opening: a pair of it and a row is given once, also where the database was copied or restored. */
  readonly id = token(systemRandom);
  readonly folderId: string;
  readonly #database: OutboxDatabase;
  readonly #insert: OutboxStatement;
  readonly #following: (after: number) => Row[];
  readonly #waiting: () => Pick<Row, 'journal'>[];
  readonly #last: () => { readonly seq: number }[];
  readonly #remove: OutboxStatement;
  #journals: readonly (readonly [journal: string, last: number])[] = [];
  #named: ReadonlySet<string> = new Set();
  /** The peer has all up to it. */
  #taken = 0;
  #removed = 0;
  #hasUnnamed = false;

  /** @throws the database's error, also while a transaction is open on the handle. */
  constructor(database: OutboxDatabase) {
    this.#database = database;
    database.exec('BEGIN IMMEDIATE');
    this.#commit(() => database.exec(tables.replace('%id%', token(systemRandom))));
    const [found] = reading<{ readonly id: string }>(database, ['id'], 'busbar_outbox_relay')();
    this.folderId = found?.id ?? '';
    this.#insert = database.prepare('INSERT INTO busbar_outbox (journal, time, body) VALUES (?, ?, ?)');
    const following = 'busbar_outbox WHERE row > ? AND error IS NULL ORDER BY row LIMIT 1';
    this.#following = reading(database, ['row', 'journal', 'time', 'body'], following);
    // The oldest ones first: those are named to the peer where there are more than it is told at once.
    const waiting = 'busbar_outbox WHERE error IS NULL GROUP BY journal ORDER BY min(row)';
    this.#waiting = reading(database, ['journal'], waiting);
    this.#last = reading(database, ['seq'], "sqlite_sequence WHERE name = 'busbar_outbox'");
    this.#remove = database.prepare('DELETE FROM busbar_outbox WHERE row <= ? AND error IS NULL');
  }

  /** In the transaction that is open on the handle, if one is. @throws the database's error. */
  add(body: Uint8Array, timeMs: number): void {
    this.#insert.run(this.id, timeMs, Buffer.from(body.buffer, body.byteOffset, body.length));
  }

  /** Rows were found of an opening that the peer does not know; once for each time. */
  takeUnnamed(): boolean {
    const had = this.#hasUnnamed;
    this.#hasUnnamed = false;
    return had;
  }

  get journals(): readonly (readonly [journal: string, last: number])[] {
    return this.#journals;
  }

  /** Other processes write rows too. */
  get before(): number {
    return this.#journals[0]?.[1] ?? 0;
  }

  /** Finds out of which openings rows wait; false where that cannot be told now. @throws the database's error. */
  look(): boolean {
    const found = this.outside('BEGIN', () => ({
      waiting: this.#waiting(),
      last: this.#last()[0]?.seq ?? 0,
    }));
    if (found === undefined) return false;
    const named = new Set([...found.waiting.map(({ journal }) => journal), this.id]);
    this.#journals = [...named].map((journal) => [journal, found.last]);
    this.#named = named;
    return true;
  }

  reader(): SourceReader {
    let position = this.#taken;
    return {
      next: async (mostBytes) => {
        const rows = this.outside('BEGIN', () => this.#read(position, mostBytes));
        const last = rows?.at(-1);
        if (rows === undefined || last === undefined) return undefined;
        position = last.row;
        return stretchOf(rows, last.journal);
      },
      close: async () => {},
    };
  }

  take(sequence: number): void {
    this.#taken = Math.max(this.#taken, sequence);
  }

  /** Removes what was acknowledged, unless a transaction is open on the handle. */
  settle(): void {
    const taken = this.#taken;
    if (taken === this.#removed) return;
    if (this.outside('BEGIN IMMEDIATE', () => this.#remove.run(taken)) !== undefined) this.#removed = taken;
  }

  /**
   * Does what it is to do in a transaction of its own; undefined while another is open on the handle, which nothing of ours
   * may be part of, or while others have the database. @throws the database's error.
   */
  outside<T>(begin: 'BEGIN' | 'BEGIN IMMEDIATE', work: () => T): T | undefined {
    try {
      this.#database.exec(begin);
    } catch (error) {
      if (isWithinTransaction(textOf(error)) || isBusy(textOf(error))) return undefined;
      throw error;
    }
    try {
      return this.#commit(work);
    } catch (error) {
      if (isBusy(textOf(error))) return undefined;
      throw error;
    }
  }

  #commit<T>(work: () => T): T {
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      try {
        this.#database.exec('ROLLBACK');
      } catch {
        // It ended with what failed.
      }
      throw error;
    }
  }

  /** Rows of one opening, of `mostBytes` together or one that is longer. */
  #read(after: number, mostBytes: number): Row[] {
    const rows: Row[] = [];
    let bytes = 0;
    for (let position = after; ; ) {
      const [row] = this.#following(position);
      if (row === undefined) return rows;
      if (!this.#named.has(row.journal)) {
        this.#hasUnnamed = true;
        return rows;
      }
      bytes += recordHeaderBytes + row.body.length;
      const isOfOther = rows[0] !== undefined && rows[0].journal !== row.journal;
      if (isOfOther || (rows.length > 0 && bytes > mostBytes)) return rows;
      rows.push(row);
      position = row.row;
    }
  }
}

function stretchOf(rows: readonly Row[], journal: string): Stretch {
  const records = rows.map(({ row, time, body }) => {
    const head = messageHead(time);
    const length = head.length + body.length;
    const record = allocate(recordHeaderBytes + length);
    record.set(head, recordHeaderBytes);
    record.set(body, recordHeaderBytes + head.length);
    sealRecord(record, 0, length, row);
    return record;
  });
  return { journal, bytes: concat(records) };
}
