import { BusError } from '../../../base/errors.ts';
import { MessageCodec } from '../../../bus/plugin.ts';
import { type BytesInput, type BytesOutput } from '../../channels/internal.ts';

/** How one type of the joint protocol is written and read. */
export interface JointType {
  write(output: BytesOutput, value: unknown): void;
  read(input: BytesInput): unknown;
}

const structs = new MessageCodec();

const scalars: Readonly<Record<string, JointType>> = {
  bool: { write: (output, value) => output.writeBool(boolean(value)), read: (input) => input.readBool() },
  byte: { write: (output, value) => output.writeByte(number(value)), read: (input) => input.readByte() },
  uint16: { write: (output, value) => output.writeUInt16(number(value)), read: (input) => input.readUInt16() },
  int16: { write: (output, value) => output.writeInt16(number(value)), read: (input) => input.readInt16() },
  int32: { write: (output, value) => output.writeInt32(number(value)), read: (input) => input.readInt32() },
  int: { write: (output, value) => output.writeInt32(number(value)), read: (input) => input.readInt32() },
  float: { write: (output, value) => output.writeFloat(number(value)), read: (input) => input.readFloat() },
  double: { write: (output, value) => output.writeDouble(number(value)), read: (input) => input.readDouble() },
  string: { write: (output, value) => output.writeString(string(value)), read: (input) => input.readString() },
  bytes: { write: (output, value) => output.writeBytes(bytes(value)), read: (input) => input.readBytes().slice() },
  struct: {
    write: (output, value) => output.writeBytes(structs.encodePlain(value)),
    read: (input) => unpackStruct(input.readBytes()),
  },
};

/**
 * Reads a type such as `int`, `array<string>` or `map<int, map<string, array<int>>>`. `array`, `list` and `vector` are
 * arrays here; `dynamic` is another name of `struct`. Throws `ERR_INVALID_ARGUMENT`.
 */
export function jointType(text: string): JointType {
  const name = text.trim().toLowerCase();
  const scalar = Object.hasOwn(scalars, name === 'dynamic' ? 'struct' : name)
    ? scalars[name === 'dynamic' ? 'struct' : name]
    : undefined;
  if (scalar !== undefined) return scalar;
  const parts = /^(\w+)\s*<(.*)>$/.exec(name);
  const [, outer, inner] = parts ?? [];
  if (inner !== undefined && (outer === 'array' || outer === 'list' || outer === 'vector'))
    return listOf(jointType(inner));
  if (inner !== undefined && outer === 'map') {
    const at = inner.indexOf(',');
    const key = inner.slice(0, Math.max(at, 0)).trim();
    if (key === 'int' || key === 'string' || key === 'int32')
      return mapOf(jointType(key), jointType(inner.slice(at + 1)), key !== 'string');
  }
  throw new BusError('ERR_INVALID_ARGUMENT', `"${text}" is not a type of the joint protocol`);
}

/** Reads plain MessagePack. @throws BusError `ERR_PROTOCOL`. */
export function unpackStruct(bytes: Uint8Array): unknown {
  try {
    return structs.decode(bytes);
  } catch (cause) {
    throw new BusError('ERR_PROTOCOL', 'Joint types: a struct is not valid MessagePack', { cause });
  }
}

/** An absent collection is written as an empty one, as joint peers do. */
function listOf(item: JointType): JointType {
  return {
    write: (output, value) => {
      const items = value === null || value === undefined ? [] : list(value);
      output.writeLength(items.length);
      for (const one of items) item.write(output, one);
    },
    read: (input) => Array.from({ length: count(input) }, () => item.read(input)),
  };
}

/** A `Map`; a plain object is accepted too, its keys as numbers if the type says so. */
function mapOf(key: JointType, item: JointType, numeric: boolean): JointType {
  return {
    write: (output, value) => {
      const entries = mapEntries(value, numeric);
      output.writeLength(entries.length);
      for (const [name, one] of entries) {
        key.write(output, name);
        item.write(output, one);
      }
    },
    read: (input) => {
      const map = new Map<unknown, unknown>();
      for (let left = count(input); left > 0; left -= 1) {
        const name = key.read(input);
        map.set(name, item.read(input));
      }
      return map;
    },
  };
}

function mapEntries(value: unknown, numeric: boolean): [unknown, unknown][] {
  if (value === null || value === undefined) return [];
  if (value instanceof Map) return [...value];
  if (typeof value !== 'object') throw wrong('a map', value);
  return Object.entries(value).map(([name, item]) => [numeric ? Number(name) : name, item]);
}

/** Each item takes at least a byte, so a count over what is left is a lie. */
function count(input: BytesInput): number {
  const items = input.readLength();
  if (items > input.bytesLeft) throw new BusError('ERR_PROTOCOL', `Joint types: ${items} items cannot follow`);
  return items;
}

function boolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw wrong('a boolean', value);
  return value;
}

function number(value: unknown): number {
  if (typeof value !== 'number') throw wrong('a number', value);
  return value;
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw wrong('a string', value);
  return value;
}

function bytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw wrong('bytes', value);
  return value;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong('an array', value);
  return value;
}

function wrong(what: string, value: unknown): BusError {
  return new BusError(
    'ERR_INVALID_ARGUMENT',
    `The joint signature asks for ${what}, not ${value === null ? 'null' : typeof value}`,
  );
}
