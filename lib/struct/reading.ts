import { presence } from './writing.ts';
import {
  elementCost,
  enumBytes,
  inOrder,
  measure,
  type NumberName,
  numberBytes,
  type Shape,
  type StructShape,
} from './shape.ts';
import { refuse, type Source } from './source.ts';

/** Reads a value and continues behind it. */
export type Read = (source: Source) => unknown;

const getters: Readonly<Record<NumberName, (view: DataView, at: number) => number>> = {
  u8: (view, at) => view.getUint8(at),
  u16: (view, at) => view.getUint16(at),
  u32: (view, at) => view.getUint32(at),
  i8: (view, at) => view.getInt8(at),
  i16: (view, at) => view.getInt16(at),
  i32: (view, at) => view.getInt32(at),
  f32: (view, at) => view.getFloat32(at),
  f64: (view, at) => view.getFloat64(at),
};

/** How values of `shape` are read where no code may be generated. */
export function reading(shape: Shape, depth = 0): Read {
  switch (shape.kind) {
    case 'number': {
      const bytes = numberBytes[shape.as];
      const get = getters[shape.as];
      return (source) => get(source.view, place(source, bytes));
    }
    case 'big': {
      const get = shape.as === 'u64' ? 'getBigUint64' : 'getBigInt64';
      return (source) => source.view[get](place(source, numberBytes.u64));
    }
    case 'bool':
      return (source) => source.byte(1) === 1;
    case 'text':
      return (source) => source.text(false);
    case 'bytes':
      return (source) => source.data();
    case 'any':
      return (source) => source.any(depth);
    case 'enum': {
      const { values } = shape;
      const width = enumBytes(values);
      return (source) => {
        const at = place(source, width);
        const value = values[width === 1 ? source.view.getUint8(at) : source.view.getUint16(at)];
        return value === undefined ? refuse() : value;
      };
    }
    case 'list':
      return listReading(shape, depth);
    case 'map':
      return mapReading(shape, depth);
    case 'optional': {
      const read = reading(shape.of, depth);
      return (source) => (source.byte(presence.undefined) === presence.there ? read(source) : undefined);
    }
    default:
      return structReading(shape, depth);
  }
}

/** The position of this many bytes in the view of `source`, which continues after them. */
function place(source: Source, bytes: number): number {
  source.need(bytes);
  const { at } = source;
  source.at += bytes;
  return at;
}

function listReading(shape: Shape & { readonly of: Shape }, depth: number): Read {
  const read = reading(shape.of, depth + 1);
  const { least } = measure(shape.of);
  const each = elementCost(shape);
  return (source) => {
    const count = source.elements(least, each);
    const elements: unknown[] = [];
    for (let index = 0; index < count; index++) elements.push(read(source));
    return elements;
  };
}

function mapReading(shape: Shape & { readonly of: Shape }, depth: number): Read {
  const read = reading(shape.of, depth + 1);
  const { least } = measure(shape.of);
  const each = elementCost(shape);
  return (source) => {
    const count = source.entries(least, each);
    const entries: Record<string, unknown> = {};
    for (let index = 0; index < count; index++) {
      const key = source.text(true);
      const value = read(source);
      if (key !== '__proto__') entries[key] = value;
    }
    return entries;
  };
}

function structReading(shape: StructShape, depth: number): Read {
  const members = inOrder(shape).map(({ name, shape: own }) => ({
    name,
    place: shape.members.findIndex((member) => member.name === name),
    isOptional: own.kind === 'optional',
    read: reading(own.kind === 'optional' ? own.of : own, depth + 1),
  }));
  const names = shape.members.map(({ name }) => name);
  return (source) => {
    if (members.length === 0) source.byte(0);
    const values: unknown[] = [];
    const isThere: boolean[] = [];
    for (const { place: own, isOptional, read } of members) {
      const mark = isOptional ? source.byte(presence.undefined) : presence.there;
      isThere[own] = mark !== presence.absent;
      if (mark === presence.there) values[own] = read(source);
    }
    const value: Record<string, unknown> = {};
    for (const [own, name] of names.entries()) if (isThere[own] === true) value[name] = values[own];
    return value;
  };
}
