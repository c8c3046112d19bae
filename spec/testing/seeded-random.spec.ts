import { expect } from 'chai';
import { describe, it } from 'mocha';
import { SeededRandom } from '../../lib/testing/index.ts';

describe('seeded random', () => {
  const draw = (seed: number): number[] => {
    const random = new SeededRandom(seed);
    return Array.from({ length: 20 }, random.unit);
  };

  it('one seed - gives one sequence; neighbours and seeds beyond 32 bits give others', () => {
    expect(draw(7)).to.deep.equal(draw(7));
    for (const other of [8, 7 + 2 ** 32, -7]) expect(draw(other)).to.not.deep.equal(draw(7));
  });

  it('numbers - fill their range evenly', () => {
    const random = new SeededRandom(1);
    const counts = new Array<number>(10).fill(0);
    for (let draws = 0; draws < 100_000; draws++) counts[random.between(0, 9)]! += 1;
    for (const count of counts) expect(count).to.be.within(9_500, 10_500);
    expect(random.bytes(16)).to.have.length(16);
  });

  it('choices - are among those given, as often as asked for', () => {
    const random = new SeededRandom(2);
    let heads = 0;
    for (let draws = 0; draws < 10_000; draws++) {
      if (random.chance(0.25)) heads += 1;
      expect(['a', 'b']).to.include(random.pick(['a', 'b']));
    }
    expect(heads).to.be.within(2_300, 2_700);
  });
});
