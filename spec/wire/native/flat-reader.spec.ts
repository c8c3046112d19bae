import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Packr, Unpackr } from 'msgpackr';
import { SeededRandom } from '../../../lib/testing/index.ts';
import { BodyReader } from '../../../lib/wire/native/body-codec.ts';
import { readFlat } from '../../../lib/wire/native/flat-reader.ts';
import { flatValue, simpleValues } from './flat-values.ts';

describe('flat reader', () => {
  const packr = new Packr({ useRecords: false, mapsAsObjects: true, variableMapSize: true });
  const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });
  const read = (bytes: Uint8Array): unknown => readFlat(Buffer.concat([Buffer.alloc(3), bytes]), 3, 3 + bytes.length);

  it('simple data - is read as msgpackr reads it', () => {
    for (const value of simpleValues) {
      const bytes = packr.pack(value);
      expect(read(bytes), String(value)).to.deep.equal(unpackr.unpack(bytes));
    }
    const random = new SeededRandom(8);
    let others = 0;
    for (let n = 0; n < 3_000; n++) {
      const value = flatValue(random, 4);
      const bytes = packr.pack(value);
      const found = read(bytes);
      // Keys of 32 letters and more are left to it.
      if (found === undefined) others += 1;
      else expect(found, JSON.stringify(value)).to.deep.equal(unpackr.unpack(bytes));
    }
    expect(others).to.be.lessThan(300);
  });

  it('texts that have the same hash - are told apart', () => {
    const texts = Array.from({ length: 5_000 }, (_, n) => n.toString(36));
    for (let round = 0; round < 2; round++) for (const text of texts) expect(read(packr.pack(text))).to.equal(text);
  });

  it('all else, and what is cut off or changed - is left to msgpackr, or read as it reads it', () => {
    const left: unknown[] = ['é', 'x'.repeat(256), undefined, 1n, new Date(0), Buffer.alloc(1), new Set([1])];
    left.push({ ['k'.repeat(32)]: 1 }, JSON.parse('{"a":{"__proto__":1}}'));
    let deep: unknown = 1;
    for (let n = 0; n < 9; n++) deep = [deep];
    left.push(deep);
    const more = new Packr({ useRecords: false, mapsAsObjects: true, variableMapSize: true, moreTypes: true });
    for (const value of left) expect(read(more.pack(value)), String(value)).to.equal(undefined);
    const whole = packr.pack({
      type: 'move',
      at: [1.5, -3, 70_000, -70_000, 300],
      on: true,
      none: null,
      id: 'x'.repeat(40),
    });
    for (let end = 0; end < whole.length; end++)
      expect(read(whole.subarray(0, end)), `${end} bytes`).to.equal(undefined);
    expect(read(Buffer.concat([whole, Buffer.alloc(1)]))).to.equal(undefined);
    const reader = new BodyReader();
    const outcome = (work: () => unknown): unknown => {
      try {
        return work();
      } catch {
        return 'failed';
      }
    };
    for (let at = 0; at < whole.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = Buffer.from(whole);
        changed[at] = (changed[at] as number) ^ (1 << bit);
        const found = read(changed);
        if (found !== undefined) expect(found).to.deep.equal(outcome(() => unpackr.unpack(changed)));
        const again = outcome(() => reader.read(changed, 0, changed.length));
        if (found !== undefined) expect(again).to.deep.equal(found);
      }
    }
  });

  it('a reader that met other data - reads both', () => {
    const reader = new BodyReader();
    const values = [{ a: 1 }, { name: 'é' }, new Date(7), { a: 2 }];
    const body = (value: unknown): Uint8Array => packr.pack(value);
    for (let n = 0; n < 100; n++) {
      for (const value of values) {
        const bytes = body(value);
        expect(reader.read(bytes, 0, bytes.length)).to.deep.equal(value);
      }
    }
  });
});
