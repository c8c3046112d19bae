import { expect } from 'chai';
import { describe, it } from 'mocha';
import { dataSize } from '../../lib/base/data-size.ts';

describe('data size', () => {
  it('texts, bytes, lists and objects - count with all that is in them', () => {
    const small = dataSize(7);
    expect(dataSize('x'.repeat(1_000))).to.equal(small + 1_000);
    for (const bytes of [Buffer.alloc(1_000), new Float64Array(125), new ArrayBuffer(1_000)]) {
      expect(dataSize(bytes)).to.equal(small + 1_000);
    }
    const list = [1, 'x'.repeat(100), null, [true]];
    expect(dataSize(list)).to.equal(6 * small + 100);
    expect(dataSize(new Set(list))).to.equal(dataSize(list));
    expect(dataSize({ name: list, of: undefined })).to.equal(2 * small + 6 + dataSize(list));
  });

  it('data - that nests deeper than can be sent ends', () => {
    const circle: unknown[] = [];
    circle.push(circle);
    expect(dataSize(circle)).to.be.within(64, 1_000);
  });
});
