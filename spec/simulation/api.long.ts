import { describe, it } from 'mocha';
import { chosenSeeds, replayHint, withoutStacks } from './seeds.ts';
import { simulateApi } from './simulate-api.ts';

describe('several clients and servers in simulation, at length', () => {
  withoutStacks();
  const { from, to } = chosenSeeds(10_000);

  it(`seeds ${from} to ${to} - every promise settles, nothing is doubled, out of order, gone without a word, or heard although it was withdrawn`, async () => {
    for (let seed = from; seed < to; seed++) {
      const { violations } = await simulateApi(seed, 8);
      if (violations.length > 0) throw new Error(replayHint('api.long.ts', seed, violations));
    }
  }).timeout(3_600_000);
});
