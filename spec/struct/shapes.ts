import fc from 'fast-check';
import {
  any,
  bool,
  bytes,
  enumOf,
  f32,
  f64,
  type Field,
  i16,
  i32,
  i64,
  i8,
  list,
  map,
  optional,
  struct,
  type Struct,
  text,
  u16,
  u32,
  u64,
  u8,
} from '../../lib/struct/index.ts';
import { StructCodec } from '../../lib/struct/struct-codec.ts';
import type { StructShape } from '../../lib/struct/shape.ts';

export const limits = { maxBytes: 16_777_216, mostCost: 1_572_864, maxDepth: 64 };

/** The same struct twice: by generated code, and by closures. */
export function codecsOf(of: Struct<unknown>): readonly [StructCodec, StructCodec] {
  const shape = of.shape as StructShape;
  return [new StructCodec(of.name, shape, true), new StructCodec(of.name, shape, false)];
}

/** The bytes that `codec` writes, without the number of the contract; undefined where the value does not fit. */
export function encode(codec: StructCodec, value: unknown, under: Partial<typeof limits> = {}): Buffer | undefined {
  const written = codec.encode(value, 7, { ...limits, ...under });
  if (written === undefined) return undefined;
  const body = Buffer.from(written.buffer.subarray(0, written.length));
  if (body[0] !== 7) throw new Error('the number of the contract is missing');
  return body.subarray(1);
}

/** What `codec` reads of a copy in the middle of a buffer, which is overwritten then. */
export function decode(codec: StructCodec, body: Uint8Array, under: Partial<typeof limits> = {}): unknown {
  const padded = Buffer.alloc(body.length + 10, 0xff);
  padded.set(body, 5);
  try {
    return codec.decode(padded, 5, 5 + body.length, { ...limits, ...under });
  } finally {
    padded.fill(0xff);
  }
}

const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(-1, 0, 1, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32),
);
/** What may stand anywhere, and seldom fits. */
const other: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(undefined, null, true, '', 'red', 'ü', 5n, -(2n ** 63n), 2n ** 64n, Number.NaN, -0),
  number,
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom([], {}, new Map(), new Date(0), new Uint16Array(2), Buffer.from('x'), new Uint8Array(3)),
);

interface Sort {
  readonly field: Field<unknown>;
  readonly value: fc.Arbitrary<unknown>;
}

const integers: readonly (readonly [Field<number>, number, number])[] = [
  [u8, 0, 255],
  [u16, 0, 65_535],
  [u32, 0, 2 ** 32 - 1],
  [i8, -128, 127],
  [i16, -32_768, 32_767],
  [i32, -(2 ** 31), 2 ** 31 - 1],
];
const letters = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 70 }),
  fc.constantFrom('', 'a'.repeat(63), 'a'.repeat(64), 'ü'.repeat(42), 'ü'.repeat(43), '\ufeffa', '😀'.repeat(40)),
);
/** More than 256, so that a place takes two bytes. */
const places = Array.from({ length: 300 }, (_, index) => `place ${index}`);

function dropProto(key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : Object.is(value, -0) ? 0 : value;
}

const leaves: readonly Sort[] = [
  ...integers.map(([field, min, max]) => ({ field, value: fc.integer({ min, max }).map((found) => found + 0) })),
  { field: f32, value: fc.float() },
  { field: f64, value: fc.double() },
  { field: u64, value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
  { field: i64, value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  { field: bool, value: fc.boolean() },
  { field: text, value: letters },
  {
    field: bytes,
    value: fc.uint8Array({ maxLength: 40 }).map((found) => (found.length % 2 === 0 ? Buffer.from(found) : found)),
  },
  { field: enumOf('red', 'blue'), value: fc.constantFrom('red', 'blue') },
  { field: enumOf(...places), value: fc.constantFrom(...places) },
  {
    field: any,
    value: fc.oneof(
      fc.jsonValue({ maxDepth: 3 }).map((found) => JSON.parse(JSON.stringify(found), dropProto) as unknown),
      fc.constantFrom(undefined, new Date(1), new Set([1, 2]), Buffer.from('any'), 2n ** 70n),
    ),
  },
];

const keys = fc
  .oneof(fc.string({ maxLength: 12 }), fc.constantFrom('constructor', 'toString', '0', 'ü'))
  .filter((key) => key !== '__proto__');

/** A field and values of it, up to `depth` levels deep. */
function sortOf(depth: number): fc.Arbitrary<Sort> {
  const leaf = fc.constantFrom(...leaves);
  if (depth === 0) return leaf;
  const inner = sortOf(depth - 1);
  return fc.oneof(
    { weight: 3, arbitrary: leaf },
    {
      weight: 1,
      arbitrary: inner.map(({ field, value }) => ({ field: list(field), value: fc.array(value, { maxLength: 6 }) })),
    },
    {
      weight: 1,
      arbitrary: inner.map(({ field, value }) => ({
        field: map(field),
        value: fc.dictionary(keys, value, { maxKeys: 5, noNullPrototype: true }),
      })),
    },
    {
      weight: 1,
      arbitrary: inner.map(({ field, value }) => ({
        field: optional(field),
        value: fc.option(value, { nil: undefined }),
      })),
    },
    { weight: 1, arbitrary: structOf(depth - 1) },
  );
}

/** A struct and values of it; each member that is optional is there, undefined or absent. */
function structOf(depth: number): fc.Arbitrary<Sort & { readonly field: Struct<unknown> }> {
  return fc.dictionary(keys, sortOf(depth), { maxKeys: 6, noNullPrototype: true }).map((members) => {
    const fields = Object.fromEntries(Object.entries(members).map(([name, { field }]) => [name, field]));
    const values = Object.fromEntries(Object.entries(members).map(([name, { value }]) => [name, value]));
    const required = Object.entries(members)
      .filter(([, { field }]) => field.shape.kind !== 'optional')
      .map(([name]) => name);
    return {
      field: struct('random', fields) as Struct<unknown>,
      value: fc.record(values, { requiredKeys: required, noNullPrototype: true }),
    };
  });
}

/** A value, and what somewhere in it is something else. */
function changed(value: unknown, at: number, to: unknown): unknown {
  if (
    typeof value !== 'object' ||
    value === null ||
    ArrayBuffer.isView(value) ||
    value instanceof Date ||
    value instanceof Set
  )
    return to;
  const entries = Object.entries(value);
  const place = at % (entries.length + 2);
  if (place === entries.length + 1) return to;
  if (place === entries.length) return Array.isArray(value) ? [...(value as unknown[]), to] : { ...value, more: to };
  const copy = Object.fromEntries(
    entries.map(([key, inner], index) => [key, index === place ? changed(inner, at >> 3, to) : inner]),
  );
  return Array.isArray(value) ? Object.values(copy) : copy;
}

/** A struct, a value of it, and one that may be none. */
export const structs: fc.Arbitrary<{
  readonly of: Struct<unknown>;
  readonly values: readonly unknown[];
  readonly near: readonly unknown[];
}> = structOf(3).chain(({ field, value }) =>
  fc
    .tuple(fc.array(value, { minLength: 1, maxLength: 40 }), fc.array(fc.tuple(fc.nat(), other), { maxLength: 40 }))
    .map(([values, changes]) => ({
      of: field,
      values,
      near: changes.map(([at, to], index) => changed(values[index % values.length], at, to)),
    })),
);
