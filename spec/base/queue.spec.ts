import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Queue } from '../../lib/base/queue.ts';
import { SeededRandom } from '../../lib/testing/seeded-random.ts';

describe('queue', () => {
  it('items - leave as a list would give them, whatever is done in which order', () => {
    const random = new SeededRandom(7);
    const queue = new Queue<number | undefined>();
    let list: (number | undefined)[] = [];
    for (let step = 0; step < 20_000; step++) {
      const what = random.unit();
      if (what < 0.5) {
        const item = what < 0.01 ? undefined : step;
        queue.push(item);
        list.push(item);
      } else if (what < 0.96) {
        expect(queue.shift()).to.equal(list.shift());
      } else if (what < 0.99) {
        queue.replaceFirst(-step);
        if (list.length > 0) list[0] = -step;
      } else if (what > 0.999) {
        expect(queue.clear()).to.deep.equal(list);
        list = [];
      }
      expect(queue.length).to.equal(list.length);
      expect(queue.first).to.equal(list[0]);
    }
    expect([...queue]).to.deep.equal(list);
  });

  it('a million items - cost as much each as a thousand', () => {
    const queue = new Queue<object>();
    const item = {};
    for (let count = 0; count < 1_000_000; count++) queue.push(item);
    const from = process.cpuUsage();
    for (let count = 0; count < 200_000; count++) queue.shift();
    const { user, system } = process.cpuUsage(from);
    // A list takes over ten seconds for it.
    expect((user + system) / 1_000, 'ms for 200,000 of them').to.be.below(2_000);
    expect(queue.length).to.equal(800_000);
  });

  it('an item taken out - is not kept from the garbage collector by the queue', () => {
    const queue = new Queue<object>();
    for (let count = 0; count < 5_000; count++) queue.push({});
    while (queue.length > 0) queue.shift();
    expect(queue.first).to.equal(undefined);
    expect([...queue]).to.deep.equal([]);
  });
});
