import { describe, it } from 'mocha';
import { chosenSeeds, replayHint } from './seeds.ts';
import { simulate } from './simulate.ts';

describe('sessions in simulation', () => {
  const { from, to } = chosenSeeds(1_000_000);

  it(`seeds ${from} to ${to} - nothing is lost, doubled or out of order, and everything settles`, () => {
    for (let seed = from; seed < to; seed++) {
      const { violations } = simulate(seed);
      if (violations.length > 0) throw new Error(replayHint('sessions.spec.ts', seed, violations));
    }
  });
});
