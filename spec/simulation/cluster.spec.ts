import { expect } from 'chai';
import { describe, it } from 'mocha';
import { bugs } from './cluster-bugs.ts';
import { chosenSeeds, replayHint } from './seeds.ts';
import { simulateCluster } from './simulate-cluster.ts';

describe('nodes of a cluster in simulation', () => {
  const { from, to } = chosenSeeds(4_000);

  it(`seeds ${from} to ${to} - nodes agree on who is here, and no broadcast is lost, doubled or out of order`, function () {
    this.timeout(600_000);
    let delivered = 0;
    for (let seed = from; seed < to; seed++) {
      const outcome = simulateCluster(seed);
      if (outcome.violations.length > 0) throw new Error(replayHint('cluster.spec.ts', seed, outcome.violations));
      delivered += outcome.delivered;
    }
    // They do something.
    expect(delivered).to.be.greaterThan((to - from) * 10);
  });

  it('a seed - replays to the bit', () => {
    for (const seed of [5, 77]) expect(simulateCluster(seed)).to.deep.equal(simulateCluster(seed));
  });

  for (const [bug, plant] of Object.entries(bugs)) {
    it(`a planted bug, ${bug} - is found within 500 seeds`, () => {
      const remove = plant();
      try {
        let seed = 0;
        while (seed < 500 && simulateCluster(seed).violations.length === 0) seed++;
        expect(seed).to.be.below(500);
      } finally {
        remove();
      }
    });
  }
});
