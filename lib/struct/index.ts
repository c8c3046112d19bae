export type { StandardSchema } from '../base/standard-schema.ts';
export type { BodyContract } from '../wire/contracts.ts';
export {
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
  type Infer,
  list,
  map,
  optional,
  text,
  u16,
  u32,
  u64,
  u8,
} from './field.ts';
export { type Fields, type Struct, struct, structFrom, type StructValue } from './struct.ts';
