import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ByteQueue } from '../../lib/base/byte-queue.ts';

describe('byte queue', () => {
  it('bytes - come out in their order, however they were cut and are taken', () => {
    for (let size = 1; size <= 7; size++) {
      const queue = new ByteQueue();
      for (const piece of [[1, 2, 3], [], [4], [5, 6, 7]]) queue.add(Uint8Array.from(piece));
      const taken: number[] = [];
      while (queue.size > 0) {
        const target = new Uint8Array(10);
        const count = Math.min(size, queue.size);
        queue.moveTo(target, 2, count);
        taken.push(...target.subarray(2, 2 + count));
        expect([...target.subarray(0, 2), ...target.subarray(2 + count)].every((byte) => byte === 0)).to.equal(true);
      }
      expect(taken).to.deep.equal([1, 2, 3, 4, 5, 6, 7]);
    }
  });

  it('a queue - that is cleared is empty', () => {
    const queue = new ByteQueue();
    queue.add(new Uint8Array(3));
    queue.clear();
    expect(queue.size).to.equal(0);
  });
});
