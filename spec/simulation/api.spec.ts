import { expect } from 'chai';
import { describe, it } from 'mocha';
import { bugs } from './api-bugs.ts';
import { chosenSeeds, replayHint, withoutStacks } from './seeds.ts';
import { simulateApi } from './simulate-api.ts';

describe('several clients and servers in simulation', () => {
  withoutStacks();
  const { from, to } = chosenSeeds(10_000);

  it(`seeds ${from} to ${to} - every promise settles, nothing is doubled, out of order, gone without a word, or heard although it was withdrawn`, async function () {
    this.timeout(1_800_000);
    for (let seed = from; seed < to; seed++) {
      const { violations } = await simulateApi(seed);
      if (violations.length > 0) throw new Error(replayHint('api.spec.ts', seed, violations));
    }
  });

  it('a seed - replays to the bit', async () => {
    for (const seed of [5, 77]) expect(await simulateApi(seed)).to.deep.equal(await simulateApi(seed));
  });

  for (const [bug, plant] of Object.entries(bugs)) {
    it(`a planted bug, ${bug} - is found within 1,000 seeds`, async () => {
      const remove = plant();
      try {
        let seed = 0;
        while (seed < 1_000 && (await simulateApi(seed)).violations.length === 0) seed++;
        expect(seed).to.be.below(1_000);
      } finally {
        remove();
      }
    });
  }
});
