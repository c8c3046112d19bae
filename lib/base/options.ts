import { BusError } from './errors.ts';
import { isMisspelt, nearest } from './nearest.ts';

/**
 * One row of an options table: the accepted values, and the default. The comment of the row is also its sentence in the
 * documents.
 */
export interface OptionSpec<T> {
  readonly type: string;
  readonly default: T;
  readonly unit?: string | undefined;
  readonly range?: string | undefined;
  /** Whether this option accepts `value`. */
  accepts(value: unknown): boolean;
}

export type OptionTable = Readonly<Record<string, OptionSpec<unknown>>>;

/** What a table resolves to. */
export type Resolved<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends OptionSpec<infer T> ? T : never;
};

/** What a user can pass for a table. */
export type Given<Table extends OptionTable> = {
  -readonly [Name in keyof Table]?: (Table[Name] extends OptionSpec<infer T> ? T : never) | undefined;
};

interface NumberRow {
  readonly default: number;
  readonly min?: number;
  readonly max?: number;
  readonly unit?: string;
}

/** A whole number; `max: Infinity` admits Infinity too. */
export function integer({ min = 0, max = Number.MAX_SAFE_INTEGER, ...row }: NumberRow): OptionSpec<number> {
  return {
    type: 'integer',
    range: `${min} to ${max === Number.MAX_SAFE_INTEGER ? '2^53 - 1' : max}`,
    accepts: (value) =>
      typeof value === 'number' &&
      (Number.isInteger(value) || (value === Infinity && max === Infinity)) &&
      value >= min &&
      value <= max,
    unit: row.unit,
    default: row.default,
  };
}

export function flag(row: { readonly default: boolean }): OptionSpec<boolean> {
  return { type: 'boolean', accepts: (value) => typeof value === 'boolean', ...row };
}

export function text(row: { readonly default?: string } = {}): OptionSpec<string | undefined> {
  return {
    type: 'string',
    accepts: (value) => typeof value === 'string' && value.length > 0,
    default: row.default,
  };
}

export function oneOf<const Choice extends string>(row: {
  readonly choices: readonly Choice[];
  readonly default: Choice;
}): OptionSpec<Choice> {
  const choices: readonly unknown[] = row.choices;
  return {
    type: row.choices.map((choice) => `'${choice}'`).join(' | '),
    accepts: (value) => choices.includes(value),
    default: row.default,
  };
}

/** The same option without a default, for options whose default follows from something else. */
export function optional<T>(row: OptionSpec<T>): OptionSpec<T | undefined> {
  return { ...row, default: undefined };
}

/** An option with its own check, such as a function or a plain object; `type` is its name in messages and documents. */
export function custom<T>(row: {
  readonly type: string;
  readonly default: T;
  readonly range?: string;
  accepts(value: unknown): boolean;
}): OptionSpec<T> {
  return row;
}

export function callback<T>(row: { readonly type?: string } = {}): OptionSpec<T | undefined> {
  return {
    type: row.type ?? 'function',
    accepts: (value) => typeof value === 'function',
    default: undefined,
  };
}

/**
 * The given options over the table's defaults, checked once, frozen. `undefined` counts as absent. `others` are left
 * out, unless they look like misspelt ones of the table; without it they are rejected.
 * @throws BusError `ERR_INVALID_OPTION`, naming an unknown option with its nearest valid one, or an invalid value.
 */
export function resolveOptions<Table extends OptionTable>(
  owner: string,
  table: Table,
  given: object = {},
  others: 'refused' | 'ignored' = 'refused',
): Resolved<Table> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new BusError('ERR_INVALID_OPTION', `${owner} takes its options as an object`);
  }
  const resolved: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(table)) resolved[name] = spec.default;
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const spec = Object.hasOwn(table, name) ? table[name] : undefined;
    if (spec === undefined) {
      const known = Object.keys(table);
      if (others === 'ignored' && !isMisspelt(name, known, given)) continue;
      throw new BusError('ERR_INVALID_OPTION', unknownOption(owner, name, known));
    }
    if (!spec.accepts(value)) {
      const range = spec.range === undefined ? '' : ` from ${spec.range}`;
      throw new BusError(
        'ERR_INVALID_OPTION',
        `${owner} option "${name}" must be ${spec.type}${range}, got ${show(value)}`,
      );
    }
    resolved[name] = value;
  }
  return Object.freeze(resolved) as Resolved<Table>;
}

function unknownOption(owner: string, name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  const all = known.length > 12 ? '' : `; there are ${known.join(', ')}`;
  return `${owner} has no option "${name}"${near === undefined ? all : `, did you mean "${near}"?`}`;
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

/**
 * Checks the names of a call's settings; `callTakes` begins the sentence that lists the valid ones.
 * @throws BusError `ERR_INVALID_ARGUMENT` for anything but an object, or for a name that is not `known`.
 */
export function checkSettings(callTakes: string, known: readonly string[], given: object): void {
  const isObject = typeof given === 'object' && given !== null;
  let wrong: string | undefined;
  for (const name in given) if (!known.includes(name)) wrong = name;
  if (isObject && wrong === undefined) return;
  const but = isObject ? `, not "${wrong}"` : '';
  throw new BusError('ERR_INVALID_ARGUMENT', `${callTakes} { ${known.join(', ')} }${but}`);
}

/** @throws BusError `ERR_INVALID_ARGUMENT` for anything but `true` and `false`. */
export function checkSwitch(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw new BusError('ERR_INVALID_ARGUMENT', `${name} must be true or false`);
}
