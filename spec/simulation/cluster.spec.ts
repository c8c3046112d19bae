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

  it('20 nodes with nothing to do - would take less than 2 % of a core each if they were 100', () => {
    const clock = new VirtualClock({ maxSteps: 10_000_000 });
    const nats = new SimNats({ clock, random: new SeededRandom(1), loss: 0 });
    const nodes = Array.from({ length: 20 }, (_, at) => new SimNode(nats, `n${at}`, at + 1));
    clock.advance(3_000);
    for (const { membership } of nodes) expect([...membership.nodes.all]).to.have.length(19);
    const elapsedMs = workwatch();
    clock.advance(20_000);
    // All that all nodes do, told by the beats that one hears.
    const msForEach = elapsedMs() / ((20_000 / heartbeatMs) * 20 * 20);
    expect(msForEach * 100, 'ms in a second').to.be.below(20);
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
