/** A statement as `node:sqlite` and better-sqlite3 prepare it. */
export interface OutboxStatement {
  run(...values: readonly unknown[]): unknown;
  all(...values: readonly unknown[]): unknown[];
}

/** A database of SQLite as `node:sqlite` (`DatabaseSync`) and better-sqlite3 open it, by shape. */
export interface OutboxDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): OutboxStatement;
}

/**
 * Reads rows of these columns `from` there, whatever form the handle gives them by its settings: objects or lists, with
 * numbers or BigInts, of which none here is larger than a number.
 */
export function reading<Row extends object>(
  database: OutboxDatabase,
  columns: readonly (keyof Row & string)[],
  from: string,
): (...values: readonly unknown[]) => Row[] {
  const statement = database.prepare(`SELECT ${columns.join(', ')} FROM ${from}`);
  const rowOf = (found: unknown): Row => {
    const cells = Array.isArray(found) ? found : columns.map((name) => (found as Row)[name]);
    return Object.fromEntries(columns.map((name, at) => [name, numberOf(cells[at])])) as Row;
  };
  return (...values) => statement.all(...values).map(rowOf);
}

function numberOf(cell: unknown): unknown {
  return typeof cell === 'bigint' ? Number(cell) : cell;
}

/** Whether it failed for who has the database now, and may do when tried again. */
export function isBusy(text: string): boolean {
  return /database (?:table )?is locked|is busy/.test(text);
}

/** Whether `BEGIN` failed since a transaction is open already. */
export function isWithinTransaction(text: string): boolean {
  return text.includes('within a transaction');
}
