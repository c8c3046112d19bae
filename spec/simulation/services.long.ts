import { describe, it } from 'mocha';
import { chosenSeeds, replayHint, withoutStacks } from './seeds.ts';
import { simulateServices } from './simulate-services.ts';

describe('services in simulation, at length', () => {
  withoutStacks();
  const { from, to } = chosenSeeds(10_000);

  it(`seeds ${from} to ${to} - no key has two owners or loses its state to a move, no call is doubled, out of order, or never settles`, async () => {
    for (let seed = from; seed < to; seed++) {
      const { violations } = await simulateServices(seed, 8);
      if (violations.length > 0) throw new Error(replayHint('services.long.ts', seed, violations));
    }
  }).timeout(3_600_000);
});
