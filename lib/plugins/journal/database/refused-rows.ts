import { BusError } from '../../../base/errors.ts';
import { type DeadLetter, type DurableDeadLetters, MessageCodec } from '../../../bus/plugin.ts';
import { type OutboxDatabase, type OutboxStatement, reading } from './outbox-database.ts';
import type { OutboxRows } from './outbox-rows.ts';

interface RefusedRow {
  readonly row: number;
  readonly journal: string;
  readonly error: string;
  readonly body: Uint8Array;
}

/** The rows that the peer will never take: they stay, with why, until somebody has decided what becomes of them. */
export class RefusedRows implements DurableDeadLetters {
  readonly #rows: OutboxRows;
  readonly #codec = new MessageCodec();
  readonly #mark: OutboxStatement;
  readonly #all: () => RefusedRow[];
  readonly #one: (journal: string, row: number) => RefusedRow[];
  readonly #remove: OutboxStatement;

  constructor(database: OutboxDatabase, rows: OutboxRows) {
    this.#rows = rows;
    const columns = ['row', 'journal', 'error', 'body'] as const;
    const refused = 'busbar_outbox WHERE error IS NOT NULL';
    this.#mark = database.prepare('UPDATE busbar_outbox SET error = ? WHERE row = ?');
    this.#all = reading(database, columns, `${refused} ORDER BY row`);
    this.#one = reading(database, columns, `${refused} AND journal = ? AND row = ?`);
    this.#remove = database.prepare('DELETE FROM busbar_outbox WHERE row = ?');
  }

  /** False while that cannot be noted. @throws the database's error. */
  add(row: number, { code, message }: BusError): boolean {
    return (
      this.#rows.outside('BEGIN IMMEDIATE', () => this.#mark.run(JSON.stringify({ code, message }), row)) !== undefined
    );
  }

  async list(): Promise<DeadLetter[]> {
    const found = this.#whenFree(this.#rows.outside('BEGIN', () => this.#all()));
    return found.map(({ row, journal, error, body }) => {
      const { code, message } = JSON.parse(error) as { readonly code: string; readonly message: string };
      const data = this.#codec.decode(new Uint8Array(body));
      return { id: `${journal}.${row}`, data, error: new BusError(code, message), attempts: 1 };
    });
  }

  /** It goes again, as a new message behind those that wait. */
  async retry(id: string): Promise<void> {
    this.#change(id, ({ body }) => this.#rows.add(new Uint8Array(body), Date.now()));
  }

  async discard(id: string): Promise<void> {
    this.#change(id, () => {});
  }

  /** @throws BusError `ERR_INVALID_ARGUMENT` where there is none of that id, `ERR_STATE`. */
  #change(id: string, before: (row: RefusedRow) => void): void {
    const isThere = this.#rows.outside('BEGIN IMMEDIATE', () => {
      const dot = id.lastIndexOf('.');
      const [found] = this.#one(id.slice(0, dot), Number(id.slice(dot + 1)));
      if (found === undefined) return false;
      before(found);
      this.#remove.run(found.row);
      return true;
    });
    if (!this.#whenFree(isThere)) throw new BusError('ERR_INVALID_ARGUMENT', `There is no dead letter ${id}`);
  }

  #whenFree<T>(result: T | undefined): T {
    if (result !== undefined) return result;
    throw new BusError('ERR_STATE', 'A transaction is open, or others have the database');
  }
}
