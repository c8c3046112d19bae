import { createRequire } from 'node:module';
import process from 'node:process';
import type { OutboxDatabase } from '../../../lib/plugins/journal/index.ts';

/** A database of SQLite in a file, opened by a driver that runs here. */
export interface OpenDatabase extends OutboxDatabase {
  close(): void;
}

interface WasmStatement {
  run(values: readonly unknown[]): unknown;
  all(values: readonly unknown[]): unknown[];
}
interface WasmDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): WasmStatement;
  close(): void;
}

const require = createRequire(import.meta.url);
const { Database } = require('node-sqlite3-wasm') as { readonly Database: new (path: string) => WasmDatabase };

/** SQLite compiled to WebAssembly, which every Node runs; its statements take a list where others take arguments. */
function openWasm(path: string): OpenDatabase {
  const database = new Database(path);
  return {
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      const statement = database.prepare(sql);
      return { run: (...values) => statement.run(values), all: (...values) => statement.all(values) };
    },
    close: () => database.close(),
  };
}

interface NodeSqlite {
  readonly DatabaseSync: new (path: string, options?: object) => OpenDatabase;
}

function nodeSqlite(): NodeSqlite | undefined {
  try {
    return require('node:sqlite') as NodeSqlite;
  } catch {
    // Node 20 has none.
    return undefined;
  }
}

const ofNode = nodeSqlite();

/** Where a better-sqlite3 is that was made for this Node: it is no dependency, since it needs to be compiled. */
const betterFolder = process.env['BETTER_SQLITE3'];

interface BetterDatabase extends OpenDatabase {
  defaultSafeIntegers(areBig: boolean): BetterDatabase;
}

function openBetter(path: string): BetterDatabase {
  const Better = require(betterFolder ?? 'better-sqlite3') as new (file: string) => BetterDatabase;
  return new Better(path);
}

/** Its rows as lists and its integers as BigInts, as `node:sqlite` gives them where it is told to. */
function openAsLists(path: string): OpenDatabase {
  const database = openWasm(path);
  const cell = (value: unknown): unknown => (typeof value === 'number' ? BigInt(value) : value);
  return {
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      const statement = database.prepare(sql);
      const all = (...values: unknown[]): unknown[] =>
        statement.all(...values).map((row) => Object.values(row as object).map(cell));
      return { run: (...values) => statement.run(...values), all };
    },
    close: () => database.close(),
  };
}

/** The drivers that run in this Node. */
export const drivers: readonly (readonly [name: string, open: (path: string) => OpenDatabase])[] = [
  ['SQLite in WebAssembly', openWasm],
  ...(ofNode === undefined ? [] : [['node:sqlite', (path: string) => new ofNode.DatabaseSync(path)] as const]),
  ...(betterFolder === undefined ? [] : [['better-sqlite3', openBetter] as const]),
];

/** Handles that give their rows in other forms, by their settings. */
export const otherForms: typeof drivers = [
  ['SQLite in WebAssembly, as lists of BigInts', openAsLists],
  ...(ofNode === undefined
    ? []
    : [
        ['node:sqlite with BigInts', (path: string) => new ofNode.DatabaseSync(path, { readBigInts: true })] as const,
        ['node:sqlite with lists', (path: string) => new ofNode.DatabaseSync(path, { returnArrays: true })] as const,
      ]),
  ...(betterFolder === undefined
    ? []
    : [['better-sqlite3 with BigInts', (path: string) => openBetter(path).defaultSafeIntegers(true)] as const]),
];
