import { expect } from 'chai';
import { describe, it } from 'mocha';
import { sessionBugs } from './cluster-bugs.ts';
import { chosenSeeds, replayHint } from './seeds.ts';
import { simulateLinks } from './simulate-links.ts';

describe('sessions between nodes in simulation', () => {
  const { from, to } = chosenSeeds(40);

  it(`seeds ${from} to ${to} - what is sent comes once and in order, or is told of`, async function () {
    this.timeout(3_600_000);
    let delivered = 0;
    for (let seed = from; seed < to; seed++) {
      const outcome = await simulateLinks(seed);
      if (outcome.violations.length > 0) throw new Error(replayHint('links.spec.ts', seed, outcome.violations));
      delivered += outcome.delivered;
    }
    expect(delivered).to.be.greaterThan((to - from) * 5);
  });

  for (const [bug, plant] of Object.entries(sessionBugs)) {
    it(`a planted bug, ${bug} - is found within 40 seeds`, async () => {
      const remove = plant();
      try {
        let seed = 0;
        while (seed < 40 && (await simulateLinks(seed)).violations.length === 0) seed++;
        expect(seed).to.be.below(40);
      } finally {
        remove();
      }
    });
  }
});
