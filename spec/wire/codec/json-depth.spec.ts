import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { jsonExceedsDepth, jsonPiecesExceedDepth } from '../../../lib/wire/codec/json-depth.ts';
import { stopwatch } from '../../support/stopwatch.ts';

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

  it('looks through ten million brackets in less than 100 ms', () => {
    const bytes = Buffer.alloc(10_000_000, '"][');
    const elapsedMs = stopwatch();
    jsonExceedsDepth(bytes, 0, bytes.length, 64);
    expect(elapsedMs()).to.be.lessThan(100);
  });
});
