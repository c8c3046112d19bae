import { cost, manyKeys } from '../wire/codec/body-cost.ts';
import { full, type Scratch } from './scratch.ts';
import {
  elementCost,
  enumBytes,
  inOrder,
  type NumberName,
  numberBytes,
  type Shape,
  type StructShape,
} from './shape.ts';

/** Writes `value` at `at` and returns where it continues, -1 where it does not fit. */
export type Write = (value: unknown, scratch: Scratch, at: number) => number;

/** Whether a number is one of its kind. */
export const fitsNumber: Readonly<Record<NumberName, (value: number) => boolean>> = {
  u8: (value) => (value & 0xff) === value,
  u16: (value) => (value & 0xffff) === value,
  u32: (value) => value >>> 0 === value,
  i8: (value) => (value << 24) >> 24 === value,
  i16: (value) => (value << 16) >> 16 === value,
  i32: (value) => (value | 0) === value,
  f32: (value) => Math.fround(value) === value || Number.isNaN(value),
  f64: () => true,
};

const setters: Readonly<Record<NumberName, (view: DataView, at: number, value: number) => void>> = {
  u8: (view, at, value) => view.setUint8(at, value),
  u16: (view, at, value) => view.setUint16(at, value),
  u32: (view, at, value) => view.setUint32(at, value),
  i8: (view, at, value) => view.setInt8(at, value),
  i16: (view, at, value) => view.setInt16(at, value),
  i32: (view, at, value) => view.setInt32(at, value),
  f32: (view, at, value) => view.setFloat32(at, value),
  f64: (view, at, value) => view.setFloat64(at, value),
};

/** Whether it has no class of its own, so that it is all in its members. */
export function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** How values of `shape` are written where no code may be generated: the same bytes, by closures. */
export function writing(shape: Shape, depth = 0): Write {
  switch (shape.kind) {
    case 'number': {
      const { as } = shape;
      const fits = fitsNumber[as];
      const set = setters[as];
      const bytes = numberBytes[as];
      return (value, { view }, at) => {
        if (typeof value !== 'number' || !fits(value)) return -1;
        set(view, at, value);
        return at + bytes;
      };
    }
    case 'big': {
      const wrap = shape.as === 'u64' ? BigInt.asUintN : BigInt.asIntN;
      return (value, { view }, at) => {
        if (typeof value !== 'bigint' || wrap(64, value) !== value) return -1;
        view.setBigInt64(at, BigInt.asIntN(64, value));
        return at + numberBytes.u64;
      };
    }
    case 'bool':
      return (value, { buffer }, at) => {
        if (typeof value !== 'boolean') return -1;
        buffer[at] = value ? 1 : 0;
        return at + 1;
      };
    case 'text':
      return (value, scratch, at) => (typeof value === 'string' ? scratch.text(at, value, false) : -1);
    case 'bytes':
      return (value, scratch, at) => scratch.bytes(at, value);
    case 'any':
      return (value, scratch, at) => scratch.any(at, value, depth);
    case 'enum': {
      const places = new Map<unknown, number>(shape.values.map((value, place) => [value, place]));
      const width = enumBytes(shape.values);
      return (value, { view }, at) => {
        const place = places.get(value);
        if (place === undefined) return -1;
        if (width === 1) view.setUint8(at, place);
        else view.setUint16(at, place);
        return at + width;
      };
    }
    case 'list':
      return listWriting(shape, depth);
    case 'map':
      return mapWriting(shape, depth);
    case 'optional': {
      const write = writing(shape.of, depth);
      return (value, scratch, at) => {
        scratch.buffer[at] = value === undefined ? presence.undefined : presence.there;
        return value === undefined ? at + 1 : write(value, scratch, at + 1);
      };
    }
    default:
      return structWriting(shape, depth);
  }
}

/** What stands before an optional value. */
export const presence = { absent: 0, there: 1, undefined: 2 } as const;

function listWriting(shape: Shape & { readonly of: Shape }, depth: number): Write {
  const write = writing(shape.of, depth + 1);
  const each = elementCost(shape);
  return (value, scratch, at) => {
    if (!Array.isArray(value)) return -1;
    const elements: readonly unknown[] = value;
    const { length } = elements;
    scratch.cost += length * each;
    let end = scratch.count(at, length);
    for (let index = 0; index < length; index++) {
      if (end > scratch.limit) throw full;
      end = write(elements[index], scratch, end);
      if (end < 0) return -1;
    }
    return end;
  };
}

function mapWriting(shape: Shape & { readonly of: Shape }, depth: number): Write {
  const write = writing(shape.of, depth + 1);
  const each = elementCost(shape);
  return (value, scratch, at) => {
    if (!isPlain(value)) return -1;
    const keys = Object.keys(value);
    const { length } = keys;
    scratch.cost += length * (length > manyKeys ? each + cost.key : each);
    let end = scratch.count(at, length);
    for (const key of keys) {
      // Readers drop it.
      if (key === '__proto__') return -1;
      if (end > scratch.limit) throw full;
      end = scratch.text(end, key, true);
      if (end >= 0) end = write(value[key], scratch, end);
      if (end < 0) return -1;
    }
    return end;
  };
}

function structWriting(shape: StructShape, depth: number): Write {
  const members = inOrder(shape).map(({ name, shape: own }) => ({
    name,
    isOptional: own.kind === 'optional',
    write: writing(own, depth + 1),
  }));
  return (value, scratch, at) => {
    if (!isPlain(value)) return -1;
    let end = members.length === 0 ? at + 1 : at;
    if (members.length === 0) scratch.buffer[at] = 0;
    let absent = 0;
    for (const { name, isOptional, write } of members) {
      if (!Object.hasOwn(value, name)) {
        if (!isOptional) return -1;
        scratch.buffer[end] = presence.absent;
        absent += 1;
        end += 1;
        continue;
      }
      end = write(value[name], scratch, end);
      if (end < 0) return -1;
    }
    // What it has besides would be lost.
    return Object.keys(value).length === members.length - absent ? end : -1;
  };
}
