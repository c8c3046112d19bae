import { describe, it } from 'mocha';
import { chosenSeeds, replayHint } from './seeds.ts';
import { simulateLinks } from './simulate-links.ts';

describe('sessions between nodes in simulation, at length', () => {
  const { from, to } = chosenSeeds(10_000);

  it(`seeds ${from} to ${to} - what is sent comes once and in order, or is told of`, async () => {
    for (let seed = from; seed < to; seed++) {
      const { violations } = await simulateLinks(seed);
      if (violations.length > 0) throw new Error(replayHint('links.long.ts', seed, violations));
    }
  }).timeout(3_600_000);
});
