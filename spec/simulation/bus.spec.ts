import { expect } from 'chai';
import { describe, it } from 'mocha';
import { chosenSeeds, replayHint, withoutStacks } from './seeds.ts';
import { simulateBus } from './simulate-bus.ts';

describe('a whole bus in simulation', () => {
  withoutStacks();
  const { from, to } = chosenSeeds(200);

  it(`seeds ${from} to ${to} - every promise settles, nothing is doubled, out of order or gone without a word`, async () => {
    let resumed = 0;
    let lost = 0;
    for (let seed = from; seed < to; seed++) {
      const outcome = await simulateBus(seed);
      resumed += outcome.resumed;
      lost += outcome.lost;
      if (outcome.violations.length > 0) throw new Error(replayHint('bus.spec.ts', seed, outcome.violations));
    }
    if (to - from < 200) return;
    expect(resumed).to.be.above(400);
    expect(lost).to.be.above(6);
  });

  it('a seed - replays to the bit', async () => {
    expect(await simulateBus(5)).to.deep.equal(await simulateBus(5));
  });
});
