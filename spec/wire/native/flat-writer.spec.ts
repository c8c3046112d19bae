import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Packr } from 'msgpackr';
import { SeededRandom } from '../../../lib/testing/index.ts';
import { writeFlat } from '../../../lib/wire/native/flat-writer.ts';
import { flatValue, simpleValues } from './flat-values.ts';

describe('flat writer', () => {
  const packr = new Packr({ useRecords: false, mapsAsObjects: true, variableMapSize: true });
  const bytes = Buffer.alloc(8_192);
  const written = (value: unknown, end = bytes.length): Buffer | undefined => {
    const at = writeFlat(bytes, 3, end, value);
    return at < 0 ? undefined : Buffer.from(bytes.subarray(3, at));
  };

  it('simple data - has the very bytes of msgpackr', () => {
    for (const value of simpleValues)
      expect(written(value), String(value)).to.deep.equal(Buffer.from(packr.pack(value)));
    const random = new SeededRandom(7);
    for (let n = 0; n < 3_000; n++) {
      const value = flatValue(random, 4);
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
