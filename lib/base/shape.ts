import { BusError } from './errors.ts';

/** Says whether a value that came from a peer is what it has to be. */
export type Shape<T> = (value: unknown) => value is T;
type ValueOf<S> = S extends Shape<infer T> ? T : never;

export const anything: Shape<unknown> = (_value): _value is unknown => true;

export const flag: Shape<boolean> = (value): value is boolean => typeof value === 'boolean';

export const bytes: Shape<Uint8Array> = (value): value is Uint8Array => value instanceof Uint8Array;

/** An object that is not a list, of whatever members. */
export const record: Shape<Readonly<Record<string, unknown>>> = (value): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function text(longest = Number.POSITIVE_INFINITY): Shape<string> {
  return (value): value is string => typeof value === 'string' && value.length <= longest;
}

/** A whole number from 0. */
export function count(most: number = Number.MAX_SAFE_INTEGER): Shape<number> {
  return (value): value is number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most;
}

export function oneOf<const Choice extends string | number>(...choices: readonly Choice[]): Shape<Choice> {
  return (value): value is Choice => (choices as readonly unknown[]).includes(value);
}

/** Or nothing at all: MessagePack and JSON turn undefined into null. */
export function optional<T>(shape: Shape<T>): Shape<T | null | undefined> {
  return (value): value is T | null | undefined => value === undefined || value === null || shape(value);
}

export function listOf<T>(shape: Shape<T>, longest = Number.POSITIVE_INFINITY): Shape<readonly T[]> {
  return (value): value is readonly T[] => Array.isArray(value) && value.length <= longest && value.every(shape);
}

/** A list that begins with these; what follows is not looked at, so that later versions may say more. */
export function tuple<const Shapes extends readonly Shape<unknown>[]>(...shapes: Shapes): Shape<Tuple<Shapes>> {
  return (value): value is Tuple<Shapes> => Array.isArray(value) && shapes.every((shape, at) => shape(value[at]));
}

/** An object that has these; others are not looked at. */
export function object<const Shapes extends Members>(shapes: Shapes): Shape<ObjectOf<Shapes>> {
  const members = Object.entries(shapes);
  return (value): value is ObjectOf<Shapes> => record(value) && members.every(([name, shape]) => shape(value[name]));
}

type Members = Readonly<Record<string, Shape<unknown>>>;
type Tuple<Shapes extends readonly Shape<unknown>[]> = { readonly [At in keyof Shapes]: ValueOf<Shapes[At]> };
type ObjectOf<Shapes extends Members> = { readonly [Name in keyof Shapes]: ValueOf<Shapes[Name]> };

/** By name: what follows it in a message that is a list. */
type ListTable = Readonly<Record<string, readonly Shape<unknown>[]>>;
/** The messages of a table, such as `readonly ['kick', number, string]`. */
export type ListMessage<Table extends ListTable> = {
  [Name in keyof Table & string]: readonly [Name, ...Tuple<Table[Name]>];
}[keyof Table & string];

/** By the value of `op`: the other members of a message that is an object. */
type ObjectTable = Readonly<Record<string, Members>>;
/** The messages of a table, such as `{ readonly op: 'kick'; readonly user: number }`. */
export type ObjectMessage<Table extends ObjectTable> = {
  [Name in keyof Table & string]: { readonly op: Name } & ObjectOf<Table[Name]>;
}[keyof Table & string];

/**
 * Reads messages that are lists with a name in front, as `['kick', 7]`; `what` they are called in errors.
 * @throws BusError `ERR_PROTOCOL` for a name that is not in the table, or a member that is not as it has to be.
 */
export function listReader<const Table extends ListTable>(
  what: string,
  table: Table,
): (data: unknown) => ListMessage<Table> {
  const shapesOf = new Map(Object.entries(table));
  return (data) => {
    const name: unknown = Array.isArray(data) ? data[0] : undefined;
    const shapes = shapesOf.get(name as string);
    if (shapes === undefined || !Array.isArray(data)) throw unknownMessage(what);
    for (let at = 0; at < shapes.length; at += 1) {
      if (shapes[at]?.(data[at + 1]) !== true) throw malformed(what, String(name), at + 1);
    }
    return data as unknown as ListMessage<Table>;
  };
}

/**
 * Reads messages that are objects with their name as `op`, as `{ op: 'kick', user: 7 }`.
 * @throws BusError as a reader of lists.
 */
export function objectReader<const Table extends ObjectTable>(
  what: string,
  table: Table,
): (data: unknown) => ObjectMessage<Table> {
  const shapesOf = new Map(Object.entries(table).map(([op, members]) => [op, Object.entries(members)] as const));
  return (data) => {
    const op: unknown = record(data) ? data['op'] : undefined;
    const members = shapesOf.get(op as string);
    if (members === undefined || !record(data)) throw unknownMessage(what);
    for (const [name, shape] of members) if (!shape(data[name])) throw malformed(what, String(op), name);
    return data as unknown as ObjectMessage<Table>;
  };
}

function unknownMessage(what: string): BusError {
  return new BusError('ERR_PROTOCOL', `Not a valid ${what}`);
}

function malformed(what: string, name: string, member: string | number): BusError {
  return new BusError('ERR_PROTOCOL', `The ${what} "${name}" has a wrong member: ${member}`);
}
