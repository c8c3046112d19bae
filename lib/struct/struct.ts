import { BusError } from '../base/errors.ts';
import type { StandardSchema } from '../base/standard-schema.ts';
import { type BodyContract, byContract, type ContractValue } from '../wire/contracts.ts';
import { type Absent, Field, type Infer, shapeOf } from './field.ts';
import { shapeFromJsonSchema, toJsonSchema } from './json-schema.ts';
import { misfitOf } from './misfit.ts';
import { checkSize, type StructShape } from './shape.ts';
import { StructCodec } from './struct-codec.ts';

/** What a struct has, by name. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

type TypeOf<F> = F extends { readonly '~type'?: infer T } ? T : never;
/** `any` has every type, and is there all the same. */
type IsOptional<T> = unknown extends T ? false : Absent extends T ? true : false;
type Optional<F extends Fields> = { [N in keyof F]: IsOptional<TypeOf<F[N]>> extends true ? N : never }[keyof F];

/** The type of the values of a struct with these fields. */
export type ValueOf<F extends Fields> = {
  -readonly [N in Exclude<keyof F, Optional<F>>]: Infer<F[N]>;
} & { -readonly [N in Optional<F>]?: Infer<F[N]> };

/** A value that is to travel by the contract of its struct where the peer has it too. It can be sent as often as is liked. */
export class StructValue<out T> implements ContractValue<T> {
  /** The struct that it is of. */
  readonly struct: Struct<T>;
  /** What it was made of. */
  readonly value: T;

  /** Made by `Struct.of` only. */
  constructor(struct: Struct<T>, value: T) {
    this.struct = struct;
    this.value = value;
  }

  /** @internal */
  get [byContract](): true {
    return true;
  }

  /** Inside of other data it is written as what it was made of. */
  toJSON(): T {
    return this.value;
  }
}

/** The shape of messages, by which two ends that both have it write and read them. */
export class Struct<out T> extends Field<T> {
  readonly name: string;
  /** How its values are written; what the option `contracts` of both ends takes it for. */
  readonly codec: BodyContract;

  /** Made by `struct` and `structFrom` only. */
  constructor(name: string, shape: StructShape) {
    super(shape);
    this.name = name;
    this.codec = new StructCodec(name, shape);
  }

  /** As Standard Schema 1 has it: by this, rpc and others check values against the struct. */
  get '~standard'(): StandardSchema<T>['~standard'] {
    const { shape } = this;
    const jsonSchema = (): unknown => toJsonSchema(shape);
    return {
      version: 1,
      vendor: 'busbar',
      validate: (value) => {
        const issue = misfitOf(shape, value);
        return issue === undefined ? { value: value as T } : { issues: [issue] };
      },
      jsonSchema: { input: jsonSchema, output: jsonSchema },
    };
  }

  /** The value as it is to be sent, answered or broadcast. It is looked at when it is written, and left as it is. */
  of(value: T): StructValue<T> {
    return new StructValue(this, value);
  }
}

const longestName = 256;

/**
 * A contract: values of these fields, by a name of 1 to 256 characters. Both ends have to have the same name and fields; in
 * which order does not matter.
 * @throws BusError `ERR_INVALID_ARGUMENT` for an invalid name, what is not a field, a field `__proto__`, over 4,096 parts or
 * over 32 levels.
 */
export function struct<const F extends Fields>(name: string, fields: F): Struct<Flat<ValueOf<F>>> {
  if (typeof fields !== 'object' || fields === null || Object.hasOwn(fields, '__proto__')) {
    throw new BusError('ERR_INVALID_ARGUMENT', `The struct "${name}" takes its fields by name, but none "__proto__"`);
  }
  const members = Object.entries(fields).map(([own, field]) => ({ name: own, shape: shapeOf(field) }));
  return make(name, { kind: 'struct', members });
}

/**
 * A contract made from a JSON Schema of an object, such as zod, TypeBox and others give. Both ends have to have the same
 * schema. It says how values are written, and no more: lengths, patterns and formats are not looked at, and what it has no
 * field for travels as `any`. Integers are the smallest field that has all numbers from `minimum` to `maximum`, else `f64`.
 * @throws BusError `ERR_INVALID_ARGUMENT` for a schema that is not of an object with properties, and as `struct` does.
 */
export function structFrom<T = unknown>(name: string, jsonSchema: unknown): Struct<T> {
  const shape = shapeFromJsonSchema(jsonSchema);
  if (shape.kind !== 'struct') {
    throw new BusError(
      'ERR_INVALID_ARGUMENT',
      `The struct "${name}" takes the JSON Schema of an object with properties`,
    );
  }
  return make(name, shape);
}

function make<T>(name: string, shape: StructShape): Struct<T> {
  if (typeof name !== 'string' || name.length === 0 || name.length > longestName) {
    throw new BusError('ERR_INVALID_ARGUMENT', `A struct has a name of 1 to ${longestName} characters`);
  }
  checkSize(name, shape);
  return new Struct(name, shape);
}

/** One object type, for editors to show. */
type Flat<T> = { [N in keyof T]: T[N] };
