import { expect } from 'chai';
import { describe, it } from 'mocha';
import { SlotTable } from '../../lib/base/slot-table.ts';
import { SeededRandom } from '../../lib/testing/seeded-random.ts';

describe('slot table', () => {
  it('numbers - the lowest free one is taken, whatever was released in which order', () => {
    const random = new SeededRandom(3);
    const table = new SlotTable<{ readonly number: number }>(50);
    const used = new Set<number>();
    for (let step = 0; step < 20_000; step++) {
      const number = Math.floor(random.unit() * 60);
      if (random.unit() < 0.55 && !table.full) {
        const expected = Array.from({ length: 51 }, (_, index) => index).find((index) => !used.has(index));
        expect(table.take((taken) => ({ number: taken })).number).to.equal(expected);
        used.add(expected ?? -1);
      } else {
        expect(table.release(number)?.number).to.equal(used.delete(number) ? number : undefined);
      }
      expect(table.size).to.equal(used.size);
      expect(table.full).to.equal(used.size === 50);
      expect(table.get(number)?.number).to.equal(used.has(number) ? number : undefined);
    }
    expect(table.values().map((value) => value.number)).to.deep.equal([...used].sort((a, b) => a - b));
  });

  it('numbers - a failed take keeps none', () => {
    const table = new SlotTable<string>();
    const fail = (): string => {
      throw new Error('no');
    };
    expect(() => table.take(fail)).to.throw('no');
    expect(table.size).to.equal(0);
    expect(table.take(String)).to.equal('0');
  });

  it('numbers - that were never taken stand for nothing', () => {
    const table = new SlotTable<string>();
    for (const number of [0, -1, 0.5, Number.NaN, 4_294_967_296]) {
      expect(table.get(number)).to.equal(undefined);
      expect(table.release(number)).to.equal(undefined);
    }
  });
});
