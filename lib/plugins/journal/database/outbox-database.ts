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

/** Whether it failed for who has the database now, and may do when tried again. */
export function isBusy(text: string): boolean {
  return /database (?:table )?is locked|is busy/.test(text);
}

/** Whether `BEGIN` failed since a transaction is open already. */
export function isWithinTransaction(text: string): boolean {
  return text.includes('within a transaction');
}
