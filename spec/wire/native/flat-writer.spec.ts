import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Packr } from 'msgpackr';
import { SeededRandom } from '../../../lib/testing/index.ts';
import { writeFlat } from '../../../lib/wire/native/flat-writer.ts';

describe('flat writer', () => {
  const packr = new Packr({ useRecords: false, mapsAsObjects: true, variableMapSize: true });
  const bytes = Buffer.alloc(8_192);
  const written = (value: unknown, end = bytes.length): Buffer | undefined => {
    const at = writeFlat(bytes, 3, end, value);
    return at < 0 ? undefined : Buffer.from(bytes.subarray(3, at));
  };
  const numbers = [0, -0, 1, 31, 32, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53];
  const others = [-1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1, 0.5, -44.25, NaN, 1 / 0];
  const texts = ['', 'a', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(255), '__proto__', '\u007f'];
  const simple: readonly unknown[] = [...numbers, ...others, ...texts, true, false, null];

  function some(random: SeededRandom, levels: number): unknown {
    const pick = random.unit();
    if (levels === 0 || pick < 0.6) return simple[Math.floor(random.unit() * simple.length)];
    const count = Math.floor(random.unit() * (random.unit() < 0.1 ? 40 : 6));
    const items = Array.from({ length: count }, () => some(random, levels - 1));
    return pick < 0.8 ? items : Object.fromEntries(items.map((item, index) => [`${'k'.repeat(index)}${index}`, item]));
  }

  it('simple data - has the very bytes of msgpackr', () => {
    for (const value of simple) expect(written(value), String(value)).to.deep.equal(Buffer.from(packr.pack(value)));
    const random = new SeededRandom(7);
    for (let n = 0; n < 3_000; n++) {
      const value = some(random, 4);
      const own = written(value);
      const expected = Buffer.from(packr.pack(value));
      if (own === undefined) expect(expected.length).to.be.greaterThan(bytes.length - 32);
      else expect(own.equals(expected), JSON.stringify(value)).to.equal(true);
    }
  });

  it('all else - is left to msgpackr', () => {
    const round: unknown[] = [];
    round.push(round);
    const left: unknown[] = [
      'é',
      'x'.repeat(256),
      undefined,
      1n,
      Symbol('s'),
      () => {},
      new Map(),
      new Set(),
      new Date(0),
    ];
    left.push(
      Buffer.alloc(1),
      new (class A {})(),
      Object.create(null),
      /a/,
      new Error('no'),
      round,
      Object.assign(new Array(2), { 1: 1 }),
    );
    left.push({ constructor: Array }, { constructor: Object, length: 1 }.constructor, new Array(70_000).fill(0));
    for (const value of left) {
      expect(written(value)).to.equal(undefined);
      expect(written({ a: [value] })).to.equal(undefined);
    }
  });

  it('no room - is never exceeded', () => {
    const value = { a: 'text', list: [1, 300, 1.5, -5, true, null], long: 'y'.repeat(40) };
    const whole = packr.pack(value).length + 3;
    for (let end = 3; end < whole; end++) {
      bytes.fill(0xee);
      expect(written(value, end)).to.equal(undefined);
      expect(
        bytes.subarray(end).every((byte) => byte === 0xee),
        String(end),
      ).to.equal(true);
    }
  });
});
