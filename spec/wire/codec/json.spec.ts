import { expect } from 'chai';
import { describe, it } from 'mocha';
import { parseJson, toJson, jsonExceedsDepth, jsonPiecesExceedDepth } from '../../../lib/wire/codec/json.ts';
import { stopwatch } from '../../support/stopwatch.ts';

import fc from 'fast-check';

/** The word with letters written as escapes, chosen by the bits of `mask`. */
function escaped(mask: number): string {
  return [...'__proto__']
    .map((letter, at) => {
      if ((mask & (1 << at)) === 0) return letter;
      const code = letter.charCodeAt(0).toString(16).padStart(4, '0');
      return `\\u${(mask & 512) === 0 ? code : code.toUpperCase()}`;
    })
    .join('');
}

describe('json', () => {
  it('a key __proto__ - is dropped however it is written', () => {
    for (let mask = 0; mask < 1024; mask++) {
      const value = parseJson(`{"a":[{"${escaped(mask)}":{"admin":true},"b":1}]}`);
      expect(value, String(mask)).to.deep.equal({ a: [{ b: 1 }] });
      expect(Object.getOwnPropertyNames((value as { a: object[] }).a[0])).to.deep.equal(['b']);
    }
  });

  it('all else - is what JSON.parse makes of it', () => {
    const word = fc.constantFrom('__proto__', '__proto', '_proto__', '\\u005', '\u001b', 'constructor');
    const value = fc.jsonValue().chain((inner) => fc.tuple(word, fc.constant(inner)));
    fc.assert(
      fc.property(value, (data) => {
        const text = JSON.stringify(data);
        if (text.includes('"__proto__":')) return;
        expect(toJson(data)).to.equal(text);
        expect(parseJson(text)).to.deep.equal(JSON.parse(text));
      }),
    );
    expect(toJson(undefined)).to.equal(undefined);
  });
});

function exceeds(text: string, maxDepth: number): boolean {
  const bytes = Buffer.from(text);
  return jsonExceedsDepth(bytes, 0, bytes.length, maxDepth);
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('JSON depth', () => {
  it('counts arrays and objects alike', () => {
    expect(exceeds('[{"a":[1]}]', 3)).to.equal(false);
    expect(exceeds('[{"a":[1]}]', 2)).to.equal(true);
  });

  it('passes over what stands in strings, escaped quotes among it', () => {
    expect(exceeds('["[[[[","\\"[[[","\\\\",[]]', 2)).to.equal(false);
    expect(exceeds('["\\\\",[[]]]', 2)).to.equal(true);
  });

  it('agrees with the value for any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = JSON.stringify(value);
        const depth = depthOf(JSON.parse(text));
        expect(exceeds(text, depth)).to.equal(false);
        if (depth > 0) expect(exceeds(text, depth - 1)).to.equal(true);
      }),
    );
  });

  it('is the same however the text is cut', () => {
    const text = Buffer.from('{"\\\\":["\\"[[\\\\\\"[",[{"[\\\\":["x"]}]]}');
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second++) {
        const pieces = [text.subarray(0, first), text.subarray(first, second), text.subarray(second)];
        expect(jsonPiecesExceedDepth(pieces, 5)).to.equal(false);
        expect(jsonPiecesExceedDepth(pieces, 4)).to.equal(true);
      }
    }
  });

  it('looks through ten million brackets in less than 100 ms, on slower machines 150 ms', () => {
    const bytes = Buffer.alloc(10_000_000, '"][');
    const goes = [1, 2, 3, 4, 5].map(() => {
      const elapsedMs = stopwatch();
      jsonExceedsDepth(bytes, 0, bytes.length, 64);
      return elapsedMs();
    });
    expect(Math.min(...goes)).to.be.lessThan(150);
  });
});
