import { expect } from 'chai';
import { describe, it } from 'mocha';
import { allocate, allocateShared, asBuffer, concat, copyOf, platformBytes } from '../../lib/base/bytes.ts';

describe('bytes', () => {
  it('allocate - has memory of its own', () => {
    const bytes = allocate(10);
    expect(bytes).to.be.an.instanceOf(Buffer).and.have.lengthOf(10);
    expect(bytes.buffer.byteLength).to.equal(10);
    expect(allocateShared(10)).to.be.an.instanceOf(Buffer).and.have.lengthOf(10);
  });

  it('concat - puts parts together, known to be so long or not', () => {
    const parts = [Uint8Array.of(1, 2), Buffer.from([3]), new Uint8Array(0), Uint8Array.of(4)];
    expect([...concat(parts)]).to.deep.equal([1, 2, 3, 4]);
    expect([...concat(parts, 4)]).to.deep.equal([1, 2, 3, 4]);
    expect(concat([])).to.have.lengthOf(0);
  });

  it('copyOf - does not change with what it was made of', () => {
    const bytes = Uint8Array.of(1, 2);
    const copy = copyOf(bytes);
    bytes[0] = 9;
    expect([...copy]).to.deep.equal([1, 2]);
  });

  it('platformBytes, asBuffer - are the same memory', () => {
    const memory = Uint8Array.of(0, 1, 2, 3);
    const view = memory.subarray(1, 3);
    for (const same of [platformBytes(view), asBuffer(view)]) {
      expect(same).to.be.an.instanceOf(Buffer);
      expect([same.buffer, same.byteOffset, same.length]).to.deep.equal([memory.buffer, 1, 2]);
      expect(asBuffer(asBuffer(same))).to.equal(same);
    }
  });
});
