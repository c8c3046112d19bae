import { expect } from 'chai';
import { describe, it } from 'mocha';
import { chosenSeeds, replayHint, withoutStacks } from './seeds.ts';
import { bugs } from './services-bugs.ts';
import { simulateServices } from './simulate-services.ts';

describe('services in simulation', () => {
  withoutStacks();
  const { from, to } = chosenSeeds(10_000);

  it(`seeds ${from} to ${to} - no key has two owners or loses its state to a move, no call is doubled, out of order, or never settles`, async function () {
    this.timeout(1_800_000);
    let answers = 0;
    let moves = 0;
    for (let seed = from; seed < to; seed++) {
      const outcome = await simulateServices(seed);
      if (outcome.violations.length > 0) throw new Error(replayHint('services.spec.ts', seed, outcome.violations));
      answers += outcome.answers;
      moves += outcome.moves;
    }
    // They do something.
    expect(answers).to.be.greaterThan((to - from) * 3);
    expect(moves).to.be.greaterThan(to - from);
  });

  it('a seed - replays to the bit', async () => {
    for (const seed of [5, 77]) expect(await simulateServices(seed)).to.deep.equal(await simulateServices(seed));
  });

  for (const [bug, plant] of Object.entries(bugs)) {
    it(`a planted bug, ${bug} - is found within 1,000 seeds`, async () => {
      const remove = plant();
      try {
        let seed = 0;
        while (seed < 1_000 && (await simulateServices(seed)).violations.length === 0) seed++;
        expect(seed).to.be.below(1_000);
      } finally {
        remove();
      }
    }).timeout(600_000);
  }
});
