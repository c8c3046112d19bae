import { expect } from 'chai';
import { describe, it } from 'mocha';
import { SeededRandom, VirtualClock } from '../../lib/testing/index.ts';
import { workwatch } from '../support/stopwatch.ts';
import { bugs } from './cluster-bugs.ts';
import { chosenSeeds, replayHint } from './seeds.ts';
import { SimNats } from './sim-nats.ts';
import { heartbeatMs, SimNode } from './sim-node.ts';
import { simulateCluster } from './simulate-cluster.ts';

describe('nodes of a cluster in simulation', () => {
  const { from, to } = chosenSeeds(600);

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

  it('100 nodes with nothing to do - take less than 2 % of a core each', () => {
    const clock = new VirtualClock({ maxSteps: 10_000_000 });
    const nats = new SimNats({ clock, random: new SeededRandom(1), loss: 0 });
    const nodes = Array.from({ length: 100 }, (_, at) => new SimNode(nats, `n${at}`, at + 1));
    clock.advance(3_000);
    for (const { membership } of nodes) expect([...membership.nodes.all]).to.have.length(99);
    const elapsedMs = workwatch();
    clock.advance(10 * heartbeatMs);
    // A beat is a second by default.
    expect(elapsedMs() / 10 / 100, 'ms in a beat').to.be.below(20);
  });

  it('a seed - replays to the bit', () => {
    for (const seed of [5, 77]) expect(simulateCluster(seed)).to.deep.equal(simulateCluster(seed));
  });

  for (const [bug, plant] of Object.entries(bugs)) {
    it(`a planted bug, ${bug} - is found within 300 seeds`, () => {
      const remove = plant();
      try {
        let seed = 0;
        while (seed < 300 && simulateCluster(seed).violations.length === 0) seed++;
        expect(seed).to.be.below(300);
      } finally {
        remove();
      }
    });
  }
});
