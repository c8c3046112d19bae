import type { SchemaIssue } from '../base/standard-schema.ts';
import { classOf } from './scratch.ts';
import { type Shape, type StructShape } from './shape.ts';
import { fitsNumber, isPlain } from './writing.ts';

type Path = readonly PropertyKey[];

/** The name of a shape in the message about a value that does not fit it. */
const names: Readonly<Record<Exclude<Shape['kind'], 'number' | 'big' | 'enum' | 'optional' | 'any'>, string>> = {
  bool: 'true or false',
  text: 'a text without lone surrogates',
  bytes: 'a Buffer or Uint8Array',
  list: 'a list',
  map: 'a plain object',
  struct: 'a plain object',
};

/** Why `value` does not fit `shape`: the first thing that is wrong with it; undefined where it fits. */
export function misfitOf(shape: Shape, value: unknown, path: Path = []): SchemaIssue | undefined {
  const wrong = (expected: string): SchemaIssue => ({ message: `must be ${expected}`, path });
  switch (shape.kind) {
    case 'number':
      return typeof value === 'number' && fitsNumber[shape.as](value) ? undefined : wrong(`a number ${shape.as}`);
    case 'big': {
      const wrap = shape.as === 'u64' ? BigInt.asUintN : BigInt.asIntN;
      return typeof value === 'bigint' && wrap(64, value) === value ? undefined : wrong(`a bigint ${shape.as}`);
    }
    case 'bool':
      return typeof value === 'boolean' ? undefined : wrong(names.bool);
    case 'text':
      return typeof value === 'string' && !/\p{Surrogate}/u.test(value) ? undefined : wrong(names.text);
    case 'bytes':
      return classOf(value) >= 0 ? undefined : wrong(names.bytes);
    case 'any':
      return undefined;
    case 'enum':
      return shape.values.includes(value as string)
        ? undefined
        : wrong(`one of ${shape.values.slice(0, 12).join(', ')}`);
    case 'list':
      if (!Array.isArray(value)) return wrong(names.list);
      return first(Array.from(value as readonly unknown[]), (element, index) =>
        misfitOf(shape.of, element, [...path, index]),
      );
    case 'map':
      if (!isPlain(value)) return wrong(names.map);
      return first(
        Object.entries(value),
        ([key, entry]) =>
          misfitOf(key === '__proto__' ? never : shape.of, entry, [...path, key]) ??
          misfitOf({ kind: 'text' }, key, path),
      );
    case 'optional':
      return value === undefined ? undefined : misfitOf(shape.of, value, path);
    default:
      return isPlain(value) ? misfitOfMembers(shape, value, path) : wrong(names.struct);
  }
}

/** What nothing is one of. */
const never: Shape = { kind: 'enum', values: [] };

function misfitOfMembers(
  { members }: StructShape,
  value: Readonly<Record<string, unknown>>,
  path: Path,
): SchemaIssue | undefined {
  const known = new Set(members.map(({ name }) => name));
  const other = Object.keys(value).find((name) => !known.has(name));
  if (other !== undefined) return { message: 'is not a member', path: [...path, other] };
  return first(members, ({ name, shape }) => {
    if (Object.hasOwn(value, name)) return misfitOf(shape, value[name], [...path, name]);
    return shape.kind === 'optional' ? undefined : { message: 'is missing', path: [...path, name] };
  });
}

function first<T>(
  all: readonly T[],
  find: (one: T, index: number) => SchemaIssue | undefined,
): SchemaIssue | undefined {
  for (const [index, one] of all.entries()) {
    const found = find(one, index);
    if (found !== undefined) return found;
  }
  return undefined;
}
