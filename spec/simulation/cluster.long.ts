import { describe, it } from 'mocha';
import { chosenSeeds, replayHint } from './seeds.ts';
import { simulateCluster } from './simulate-cluster.ts';

describe('nodes of a cluster in simulation, at length', () => {
  const { from, to } = chosenSeeds(200_000);

  it(`seeds ${from} to ${to} - nodes agree on who is here, and no broadcast is lost, doubled or out of order`, () => {
    for (let seed = from; seed < to; seed++) {
      const { violations } = simulateCluster(seed);
      if (violations.length > 0) throw new Error(replayHint('cluster.long.ts', seed, violations));
    }
  }).timeout(3_600_000);
});
