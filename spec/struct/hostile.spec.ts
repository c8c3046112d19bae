import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { BusError } from '../../lib/base/errors.ts';
import {
  any,
  bool,
  bytes,
  enumOf,
  f64,
  list,
  map,
  optional,
  struct,
  type Struct,
  text,
  u8,
} from '../../lib/struct/index.ts';
import { codecsOf, decode, encode, type limits } from './shapes.ts';

const plain = {
  list: list(u8),
  texts: list(text),
  map: map(u8),
  any,
  bytes,
  bool,
  optional: optional(f64),
  enum: enumOf('a', 'b'),
};
const one = Object.fromEntries(
  Object.entries(plain).map(([name, field]) => [name, struct(name, { v: field })]),
) as Record<keyof typeof plain, Struct<unknown>>;

/** What both ways do with a body: the value, or the code of the error. */
function outcomes(of: Struct<unknown>, body: Uint8Array, under: Partial<typeof limits> = {}): unknown[] {
  return codecsOf(of).map((codec) => {
    try {
      return decode(codec, body, under);
    } catch (error) {
      return (error as BusError).code;
    }
  });
}

function expectBoth(of: Struct<unknown>, hex: string, outcome: unknown, under: Partial<typeof limits> = {}): void {
  expect(outcomes(of, Buffer.from(hex, 'hex'), under), hex).to.deep.equal([outcome, outcome]);
}

describe('hostile bodies by contracts', () => {
  it('bodies - that end too soon or too late, or have what is in no shape, are ERR_PROTOCOL', () => {
    const bad: readonly (readonly [keyof typeof plain, string])[] = [
      ['list', ''],
      ['list', '0201'],
      ['list', '020102ff'],
      ['list', '80000003'],
      ['list', 'ffffffff01'],
      ['list', '8000'],
      ['texts', '80000002'],
      ['texts', '0105616263'],
      ['texts', '01ffffffff6162'],
      ['map', '01'],
      ['map', '0201610102'],
      ['map', 'ffffffff016101'],
      ['any', '00'],
      ['any', '02c0'],
      ['any', '02c0c0'],
      ['any', '01c1'],
      ['any', '05d472409178'],
      ['any', '03d46300'],
      ['bytes', '0102aabb'],
      ['bytes', '0302aabb'],
      ['bytes', '0003aabb'],
      ['bool', '02'],
      ['bool', 'ff'],
      ['optional', '03'],
      ['optional', '01'],
      ['optional', '0000'],
      ['enum', '02'],
      ['enum', ''],
    ];
    for (const [name, hex] of bad) expectBoth(one[name], hex, 'ERR_PROTOCOL');
  });

  it('good bodies - are read, counts of four bytes too', () => {
    expectBoth(one.list, '020102', { v: [1, 2] });
    expectBoth(one.list, '800000020102', { v: [1, 2] });
    expectBoth(one.texts, '0103616263', { v: ['abc'] });
    expectBoth(one.texts, '0180000003616263', { v: ['abc'] });
    expectBoth(one.texts, '0102ffff', { v: ['\ufffd\ufffd'] });
    expectBoth(one.map, '0201610101610200'.slice(0, 14), { v: { a: 2 } });
    expectBoth(one.any, '01c0', { v: null });
    expectBoth(one.optional, '00', {});
    expectBoth(one.optional, '02', { v: undefined });
    expectBoth(one.bytes, '0002aabb', { v: Buffer.from('aabb', 'hex') });
  });

  it('prototypes - are not reached by keys of maps or of any, whose values are dropped', () => {
    const key = Buffer.from('__proto__').toString('hex');
    expectBoth(one.map, `0209${key}010161${'02'}`, { v: { a: 2 } });
    expectBoth(one.any, `0f82a9${key}01a16102`, { v: { a: 2 } });
    expectBoth(one.map, `010b${Buffer.from('constructor').toString('hex')}07`, { v: { constructor: 7 } });
    for (const value of outcomes(one.map, Buffer.from(`0109${key}07`, 'hex'))) {
      expect(Object.getPrototypeOf((value as { readonly v: object }).v)).to.equal(Object.prototype);
      expect(Object.keys((value as { readonly v: object }).v)).to.deep.equal([]);
    }
    expect(({} as { readonly admin?: boolean }).admin).to.equal(undefined);
  });

  it('values with a key __proto__ of their own, or of a class, do not fit', () => {
    const own = JSON.parse('{"__proto__":1,"a":2}') as unknown;
    class Move {
      v = 1;
    }
    for (const codec of codecsOf(one.map)) expect(encode(codec, { v: own })).to.equal(undefined);
    for (const codec of codecsOf(struct('n', { v: u8 }) as Struct<unknown>)) {
      expect(encode(codec, { v: 1 })?.toString('hex')).to.equal('01');
      for (const value of [new Move(), Object.create({ v: 1 }), [1], new Map([['v', 1]]), null, undefined, 1, 'v']) {
        expect(encode(codec, value), String(value)).to.equal(undefined);
      }
      for (const value of [
        {},
        { v: 1, w: 1 },
        { v: 256 },
        { v: -1 },
        { v: 1.5 },
        { v: '1' },
        { v: 1n },
        { v: Number.NaN },
      ]) {
        expect(encode(codec, value)).to.equal(undefined);
      }
    }
  });

  it('members - that every object has by birth are read from the object itself', () => {
    const names = struct('names', { constructor: any, toString: optional(any), valueOf: u8 }) as Struct<unknown>;
    for (const codec of codecsOf(names)) {
      expect(encode(codec, { valueOf: 1 })).to.equal(undefined);
      const value = { constructor: 'c', valueOf: 1 };
      expect(decode(codec, encode(codec, value) as Buffer)).to.deep.equal(value);
    }
  });

  it('cost - of lists, maps, texts and any is counted at both ends, and over the limit ERR_TOO_LARGE', () => {
    const most = { mostCost: 10_000 };
    const unlimited = { mostCost: Number.POSITIVE_INFINITY };
    // What of each is still read, and what is not any more.
    const values: readonly (readonly [Struct<unknown>, (count: number) => unknown, number, number])[] = [
      [one.list, (count) => Array.from({ length: count }, () => 1), 9_000, 10_000],
      [one.texts, (count) => Array.from({ length: count }, () => 'ab'), 2_400, 2_501],
      [one.map, (count) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, 1])), 500, 560],
      [
        struct('anys', { v: list(any) }) as Struct<unknown>,
        (count) => Array.from({ length: count }, () => []),
        1_600,
        1_700,
      ],
      [
        struct('protos', { v: list(any) }) as Struct<unknown>,
        (count) => Array.from({ length: count }, () => '__proto__'),
        200,
        400,
      ],
      [
        struct('none', { v: list(struct('e', {})) }) as Struct<unknown>,
        (count) => Array.from({ length: count }, () => ({})),
        1_900,
        2_000,
      ],
    ];
    for (const [of, make, few, many] of values) {
      for (const codec of codecsOf(of)) {
        const value = { v: make(few) };
        expect(decode(codec, encode(codec, value, most) as Buffer, most), of.name).to.deep.equal(value);
        expect(
          codeOf(() => encode(codec, { v: make(many) }, most)),
          of.name,
        ).to.equal('ERR_TOO_LARGE');
        const body = encode(codec, { v: make(many) }, unlimited) as Buffer;
        expect(
          codeOf(() => decode(codec, body, most)),
          of.name,
        ).to.equal('ERR_TOO_LARGE');
        expect(codeOf(() => decode(codec, body, unlimited))).to.equal(undefined);
      }
    }
  });

  it('depth - of an any counts from where it is, as the sender counts too', () => {
    const nested = (levels: number): unknown => (levels === 0 ? 'x'.repeat(5_000) : [nested(levels - 1)]);
    const deep = struct('deep', { v: list(any) }) as Struct<unknown>;
    for (const codec of codecsOf(deep)) {
      const body = encode(codec, { v: [nested(62)] }) as Buffer;
      expect(decode(codec, body)).to.deep.equal({ v: [nested(62)] });
      expect(codeOf(() => encode(codec, { v: [nested(63)] }))).to.equal('ERR_UNENCODABLE');
      expect(codeOf(() => decode(codec, body, { maxDepth: 63 }))).to.equal('ERR_PROTOCOL');
    }
  });

  it('sizes - of over the limit are ERR_TOO_LARGE, and end, however long a list says it is', () => {
    const long = [] as unknown[];
    long.length = 4_000_000_000;
    for (const codec of codecsOf(struct('optional', { v: list(optional(u8)) }) as Struct<unknown>)) {
      expect(codeOf(() => encode(codec, { v: long }, { maxBytes: 100_000 }))).to.equal('ERR_TOO_LARGE');
    }
    for (const codec of codecsOf(struct('text', { v: text }) as Struct<unknown>)) {
      expect(encode(codec, { v: 'x'.repeat(3_000_000) })?.length).to.equal(3_000_004);
      expect(codeOf(() => encode(codec, { v: 'x'.repeat(3_000_000) }, { maxBytes: 1_000_000 }))).to.equal(
        'ERR_TOO_LARGE',
      );
    }
  });

  it('values - that send while they are written are ERR_STATE, and nothing is mixed up', () => {
    const of = struct('getter', { a: u8, b: u8 }) as Struct<unknown>;
    for (const codec of codecsOf(of)) {
      const value = {
        get a(): number {
          encode(codec, { a: 9, b: 9 });
          return 1;
        },
        b: 2,
      };
      expect(codeOf(() => encode(codec, value))).to.equal('ERR_STATE');
      expect(encode(codec, { a: 1, b: 2 })?.toString('hex')).to.equal('0102');
      const failing = {
        get a(): number {
          throw new Error('no');
        },
        b: 2,
      };
      expect(codeOf(() => encode(codec, failing))).to.equal('ERR_UNENCODABLE');
      expect(encode(codec, { a: 3, b: 4 })?.toString('hex')).to.equal('0304');
    }
  });

  it('names - of members are data, and no code', () => {
    const name = '"];globalThis.hacked=1;//`${1}\n\u2028';
    const of = struct(name, { [name]: enumOf(name, 'b'), ['a\\']: optional(u8) }) as Struct<unknown>;
    for (const codec of codecsOf(of)) {
      const value = { [name]: name, 'a\\': 3 };
      expect(decode(codec, encode(codec, value) as Buffer)).to.deep.equal(value);
    }
    expect(globalThis).not.to.have.property('hacked');
  });
});

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as BusError).code;
  }
}
