import { expect } from 'chai';
import { describe, it } from 'mocha';
import { BusError } from '../../lib/base/errors.ts';
import {
  any,
  bool,
  bytes,
  enumOf,
  f64,
  i64,
  i8,
  list,
  map,
  optional,
  struct,
  type Struct,
  structFrom,
  text,
  u16,
  u8,
} from '../../lib/struct/index.ts';
import { signature } from '../../lib/struct/shape.ts';

const textOf = (of: Struct<unknown>): string => signature(of.shape);
const inputOf = (of: Struct<unknown>): unknown => of['~standard'].jsonSchema?.input({ target: 'draft-2020-12' });

/** As `z.toJSONSchema` of zod 4 gives it. */
const zod = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  properties: {
    player: { type: 'integer', minimum: 0, maximum: 65_535 },
    score: { type: 'integer', minimum: -9_007_199_254_740_991, maximum: 9_007_199_254_740_991 },
    x: { type: 'number' },
    team: { type: 'string', enum: ['red', 'blue'] },
    kind: { type: 'string', const: 'move' },
    tags: { type: 'array', items: { type: 'string' } },
    pair: { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }] },
    scores: { type: 'object', propertyNames: { type: 'string' }, additionalProperties: { type: 'boolean' } },
    pos: {
      type: 'object',
      properties: { x: { type: 'number' } },
      required: ['x'],
      additionalProperties: false,
    },
    nick: { anyOf: [{ type: 'string' }, { type: 'null' }] },
    owner: { $ref: '#/$defs/person' },
    whatever: {},
  },
  required: ['player', 'score', 'x', 'team', 'kind', 'tags', 'pair', 'scores', 'pos', 'nick', 'owner'],
  additionalProperties: false,
  $defs: { person: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } },
};

/** As TypeBox makes it, which is JSON Schema with symbols in it. */
const kind = Symbol('TypeBox.Kind');
const typeBox = {
  [kind]: 'Object',
  type: 'object',
  required: ['a', 'b', 'c'],
  properties: {
    a: {
      [kind]: 'Union',
      anyOf: [
        { const: 'x', type: 'string' },
        { const: 'y', type: 'string' },
      ],
    },
    b: {
      [kind]: 'Record',
      type: 'object',
      patternProperties: { '^(.*)$': { type: 'integer', minimum: -128, maximum: 127 } },
    },
    c: { [kind]: 'Boolean', type: 'boolean' },
    d: { [kind]: 'Optional', type: 'number' },
  },
};

describe('structs and JSON Schema', () => {
  it('structFrom - makes the fields that a schema of zod or TypeBox says', () => {
    const ofZod = struct('s', {
      player: u16,
      score: f64,
      x: f64,
      team: enumOf('red', 'blue'),
      kind: enumOf('move'),
      tags: list(text),
      pair: any,
      scores: map(bool),
      pos: struct('pos', { x: f64 }),
      nick: any,
      owner: struct('person', { name: text }),
      whatever: optional(any),
    });
    expect(textOf(structFrom('s', zod))).to.equal(textOf(ofZod));
    expect(structFrom('s', zod).codec.hash).to.equal(ofZod.codec.hash);
    const ofTypeBox = struct('t', { a: enumOf('x', 'y'), b: map(i8), c: bool, d: optional(f64) });
    expect(structFrom('t', typeBox).codec.hash).to.equal(ofTypeBox.codec.hash);
  });

  it('structFrom - takes what names itself, in circles or nowhere, as any, and what is no object not at all', () => {
    const circle = {
      type: 'object',
      properties: { next: { $ref: '#' }, lost: { $ref: '#/$defs/no' } },
      required: ['lost'],
    };
    const codeOf = (schema: unknown): string => {
      try {
        return textOf(structFrom('c', schema));
      } catch (error) {
        return error instanceof BusError ? error.code : String(error);
      }
    };
    expect(codeOf({ ...circle, properties: { lost: circle.properties.lost } })).to.equal('{"lost":any}');
    expect(codeOf(circle)).to.equal('ERR_INVALID_ARGUMENT');
    for (const wrong of [undefined, null, 'text', [], {}, { type: 'string' }, { type: 'object' }, { $ref: '#' }]) {
      expect(codeOf(wrong), JSON.stringify(wrong)).to.equal('ERR_INVALID_ARGUMENT');
    }
    const own = JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"string"},"a":{"type":"string"}}}',
    ) as unknown;
    expect(codeOf(own)).to.equal('{"a":optional<text>}');
  });

  it('a struct - is a Standard Schema, says what is wrong where, and gives its JSON Schema', async () => {
    const of = struct('all', {
      a: u8,
      b: optional(list(struct('in', { c: enumOf('x') }))),
      d: map(i64),
      e: bytes,
      f: any,
    }) as Struct<unknown>;
    const { version, vendor, validate } = of['~standard'];
    expect([version, vendor]).to.deep.equal([1, 'busbar']);
    const good = { a: 1, b: [{ c: 'x' }], d: { k: 1n }, e: Buffer.alloc(1), f: undefined };
    expect(await validate(good)).to.deep.equal({ value: good });
    expect(await validate(good)).to.have.property('value', good);
    const wrong: readonly (readonly [unknown, string, readonly unknown[]])[] = [
      [{ ...good, a: 256 }, 'must be a number u8', ['a']],
      [{ ...good, b: [{ c: 'x' }, { c: 'y' }] }, 'must be one of x', ['b', 1, 'c']],
      [{ ...good, d: { k: 1 } }, 'must be a bigint i64', ['d', 'k']],
      [{ ...good, e: [1] }, 'must be a Buffer or Uint8Array', ['e']],
      [{ ...good, g: 1 }, 'is not a member', ['g']],
      [{ a: 1, d: {}, e: good.e }, 'is missing', ['f']],
      [null, 'must be a plain object', []],
    ];
    for (const [value, message, path] of wrong) {
      expect(await validate(value)).to.deep.equal({ issues: [{ message, path }] });
    }
    expect(inputOf(of)).to.deep.equal({
      type: 'object',
      properties: {
        a: { type: 'integer', minimum: 0, maximum: 255 },
        b: {
          type: 'array',
          items: {
            type: 'object',
            properties: { c: { type: 'string', enum: ['x'] } },
            required: ['c'],
            additionalProperties: false,
          },
        },
        d: { type: 'object', additionalProperties: { type: 'integer', format: 'i64' } },
        e: { type: 'string', contentEncoding: 'base64' },
        f: {},
      },
      required: ['a', 'd', 'e', 'f'],
      additionalProperties: false,
    });
  });

  it('the JSON Schema of a struct - makes the same struct again, as far as JSON has its types', () => {
    const of = struct('again', {
      a: u8,
      b: optional(list(text)),
      c: struct('in', { d: map(f64), e: bool }),
      f: enumOf('x', 'y'),
      g: any,
    }) as Struct<unknown>;
    expect(structFrom('again', inputOf(of)).codec.hash).to.equal(of.codec.hash);
  });
});
