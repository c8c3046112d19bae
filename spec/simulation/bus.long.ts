import { describe, it } from 'mocha';
import { chosenSeeds, replayHint } from './seeds.ts';
import { simulateBus } from './simulate-bus.ts';

describe('a whole bus in simulation', () => {
  const { from, to } = chosenSeeds(20_000);

  it(`seeds ${from} to ${to} - every promise settles, nothing is doubled, out of order or gone without a word`, async () => {
    for (let seed = from; seed < to; seed++) {
      const { violations } = await simulateBus(seed);
      if (violations.length > 0) throw new Error(replayHint('bus.spec.ts', seed, violations));
    }
  });
});
