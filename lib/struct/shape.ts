import { BusError } from '../base/errors.ts';
import { cost } from '../wire/codec/body-cost.ts';

export type NumberName = 'u8' | 'u16' | 'u32' | 'i8' | 'i16' | 'i32' | 'f32' | 'f64';
export type BigName = 'u64' | 'i64';

/** One field of a struct. */
export interface Member {
  readonly name: string;
  readonly shape: Shape;
}

export interface StructShape {
  readonly kind: 'struct';
  /** In the order in which they were given. */
  readonly members: readonly Member[];
}

/** What values look like, as plain data. */
export type Shape =
  | { readonly kind: 'number'; readonly as: NumberName }
  | { readonly kind: 'big'; readonly as: BigName }
  | { readonly kind: 'bool' | 'text' | 'bytes' | 'any' }
  | { readonly kind: 'enum'; readonly values: readonly string[] }
  | { readonly kind: 'list' | 'map' | 'optional'; readonly of: Shape }
  | StructShape;

/** How many bytes a number takes. */
export const numberBytes: Readonly<Record<NumberName | BigName, number>> = {
  u8: 1,
  u16: 2,
  u32: 4,
  i8: 1,
  i16: 2,
  i32: 4,
  f32: 4,
  f64: 8,
  u64: 8,
  i64: 8,
};

/** How many bytes a place in an `enumOf` takes. */
export function enumBytes(values: readonly string[]): number {
  return values.length > 256 ? 2 : 1;
}

/** What can be told about all values of a shape. */
export interface Measure {
  /** The bytes that one takes at least. */
  readonly least: number;
  /** The bytes that one takes beside texts, binary data and `any`, where each list and map has one element. */
  readonly fixed: number;
  /** What one costs to read, as far as it is always the same. */
  readonly cost: number;
  /** How many lists, maps and structs are within each other. */
  readonly depth: number;
  /** How many shapes it is made of. */
  readonly parts: number;
}

/** What stands before a list, map, text, binary data or `any`: how many elements or bytes follow. */
export const countBytes = 4;

export function measure(shape: Shape): Measure {
  switch (shape.kind) {
    case 'number': {
      const bytes = numberBytes[shape.as];
      return leaf(bytes, shape.as === 'u32' || shape.as.startsWith('f') ? cost.float : 0);
    }
    case 'big':
      return leaf(numberBytes[shape.as], cost.longNumber);
    case 'enum':
      return leaf(enumBytes(shape.values), 0);
    case 'bytes':
      return leaf(2, cost.object);
    case 'any':
      return leaf(2, 0);
    case 'list':
    case 'map': {
      const of = measure(shape.of);
      const own = cost.value + cost.container;
      return { least: 1, fixed: countBytes + of.fixed, cost: own, depth: of.depth + 1, parts: of.parts + 1 };
    }
    case 'optional': {
      const of = measure(shape.of);
      return { ...of, least: 1, fixed: 1 + of.fixed, parts: of.parts + 1 };
    }
    case 'struct': {
      const all = shape.members.map((member) => measure(member.shape));
      const sum = (of: (one: Measure) => number): number => all.reduce((total, one) => total + of(one), 0);
      return {
        // One without members takes a byte too, so that a list has no more elements than bytes.
        least: Math.max(
          1,
          sum(({ least }) => least),
        ),
        fixed: Math.max(
          1,
          sum(({ fixed }) => fixed),
        ),
        cost: cost.value + cost.container + sum((one) => one.cost),
        depth: 1 + Math.max(0, ...all.map(({ depth }) => depth)),
        parts: 1 + sum(({ parts }) => parts),
      };
    }
    default:
      return leaf(1, 0);
  }
}

function leaf(bytes: number, more: number): Measure {
  return { least: bytes, fixed: bytes, cost: cost.value + more, depth: 0, parts: 1 };
}

/** What one element of a list, or one entry of a map with its key, costs at least. */
export function elementCost(shape: Shape & { readonly of: Shape }): number {
  return measure(shape.of).cost + (shape.kind === 'map' ? cost.value : 0);
}

/** The members in the order of the wire, that of their names, so that it does not matter how they were given. */
export function inOrder({ members }: StructShape): readonly Member[] {
  return [...members].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** All that two ends have to have in common to write alike, as a text. */
export function signature(shape: Shape): string {
  switch (shape.kind) {
    case 'number':
    case 'big':
      return shape.as;
    case 'enum':
      return `enum${JSON.stringify(shape.values)}`;
    case 'list':
    case 'map':
    case 'optional':
      return `${shape.kind}<${signature(shape.of)}>`;
    case 'struct':
      return `{${inOrder(shape)
        .map((member) => `${JSON.stringify(member.name)}:${signature(member.shape)}`)
        .join()}}`;
    default:
      return shape.kind;
  }
}

const mostParts = 4_096;
const mostDepth = 32;

/** @throws BusError `ERR_INVALID_ARGUMENT` for what has too many parts, or nests too deep, to make code of. */
export function checkSize(name: string, shape: Shape): void {
  const { parts, depth } = measure(shape);
  if (parts > mostParts || depth > mostDepth) {
    throw new BusError(
      'ERR_INVALID_ARGUMENT',
      `The struct "${name}" has over ${mostParts} parts or ${mostDepth} levels`,
    );
  }
}
