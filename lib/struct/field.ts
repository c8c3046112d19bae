import { BusError } from '../base/errors.ts';
import type { Shape } from './shape.ts';

/** The type of the values of a field or struct. */
export type Infer<F> = F extends { readonly '~type'?: infer T } ? Exclude<T, Absent> : never;

/** What an optional field has for a type beside that of its values, to be told from the others. */
declare const absent: unique symbol;
export type Absent = typeof absent;

/** One field of a struct: what its values are, and how they are written. */
export class Field<out T> {
  /** Of its values; there at compile time only. */
  declare readonly '~type'?: T;
  /** @internal */
  readonly shape: Shape;

  /** Made by the functions of `busbar/contract` only. */
  constructor(shape: Shape) {
    this.shape = shape;
  }
}

/** Whole numbers from 0 to 2^8 - 1, in one byte. */
export const u8: Field<number> = new Field({ kind: 'number', as: 'u8' });
/** Whole numbers from 0 to 2^16 - 1, in 2 bytes. */
export const u16: Field<number> = new Field({ kind: 'number', as: 'u16' });
/** Whole numbers from 0 to 2^32 - 1, in 4 bytes. */
export const u32: Field<number> = new Field({ kind: 'number', as: 'u32' });
/** Whole numbers from -2^7 to 2^7 - 1, in one byte. */
export const i8: Field<number> = new Field({ kind: 'number', as: 'i8' });
/** Whole numbers from -2^15 to 2^15 - 1, in 2 bytes. */
export const i16: Field<number> = new Field({ kind: 'number', as: 'i16' });
/** Whole numbers from -2^31 to 2^31 - 1, in 4 bytes. */
export const i32: Field<number> = new Field({ kind: 'number', as: 'i32' });
/** Numbers that `Math.fround` leaves as they are, in 4 bytes. */
export const f32: Field<number> = new Field({ kind: 'number', as: 'f32' });
/** Numbers, in 8 bytes. */
export const f64: Field<number> = new Field({ kind: 'number', as: 'f64' });
/** Whole numbers from 0 to 2^64 - 1 as bigint, in 8 bytes. */
export const u64: Field<bigint> = new Field({ kind: 'big', as: 'u64' });
/** Whole numbers from -2^63 to 2^63 - 1 as bigint, in 8 bytes. */
export const i64: Field<bigint> = new Field({ kind: 'big', as: 'i64' });
/** `true` or `false`. */
export const bool: Field<boolean> = new Field({ kind: 'bool' });
/** Texts without lone surrogates. */
export const text: Field<string> = new Field({ kind: 'text' });
/** A `Buffer` or `Uint8Array`, which arrives as what it was, with bytes of its own. */
export const bytes: Field<Uint8Array> = new Field({ kind: 'bytes' });
/** Whatever can be sent without a contract, written as without one. */
export const any: Field<unknown> = new Field({ kind: 'any' });

const mostChoices = 65_536;

/** One of these texts, in one byte, or 2 from 257 texts on. @throws BusError `ERR_INVALID_ARGUMENT`. */
export function enumOf<const Choice extends string>(...values: readonly Choice[]): Field<Choice> {
  const isSound = values.every((value) => typeof value === 'string') && new Set(values).size === values.length;
  if (!isSound || values.length === 0 || values.length > mostChoices) {
    throw new BusError('ERR_INVALID_ARGUMENT', `enumOf takes 1 to ${mostChoices} texts, each of them once`);
  }
  return new Field({ kind: 'enum', values });
}

/** Lists of such values. @throws BusError `ERR_INVALID_ARGUMENT`. */
export function list<T>(of: Field<T>): Field<Exclude<T, Absent>[]> {
  return new Field({ kind: 'list', of: shapeOf(of) });
}

/** Plain objects of whatever keys, with such values. @throws BusError `ERR_INVALID_ARGUMENT`. */
export function map<T>(of: Field<T>): Field<Record<string, Exclude<T, Absent>>> {
  return new Field({ kind: 'map', of: shapeOf(of) });
}

/** Such a value or `undefined`; in a struct, or none. @throws BusError `ERR_INVALID_ARGUMENT`. */
export function optional<T>(of: Field<T>): Field<T | undefined | Absent> {
  return new Field({ kind: 'optional', of: shapeOf(of) });
}

/** @throws BusError `ERR_INVALID_ARGUMENT` for what is not a field. */
export function shapeOf(field: Field<unknown>): Shape {
  const shape = (field as Partial<Field<unknown>> | undefined)?.shape;
  if (shape !== undefined) return shape;
  throw new BusError('ERR_INVALID_ARGUMENT', 'Fields are those of busbar/contract, such as u32 or list(text)');
}
