import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Bug, brokenParts } from './parts.ts';
import { chosenSeeds, replayHint, withoutStacks } from './seeds.ts';
import { simulate } from './simulate.ts';

const file = 'sessions.spec.ts';

describe('sessions in simulation', () => {
  withoutStacks();
  const { from, to, traced } = chosenSeeds(20_000);

  it(`seeds ${from} to ${to} - nothing is lost, doubled or out of order, and everything settles`, function () {
    this.timeout(1_800_000);
    for (let seed = from; seed < to; seed++) {
      const { violations } = simulate(seed, traced ? { trace: (line) => process.stdout.write(`${line}\n`) } : {});
      if (violations.length > 0) throw new Error(replayHint(file, seed, violations));
    }
  });

  it('every kind of fault - strikes, at least eight in a run', () => {
    const struck = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      const { faults } = simulate(seed);
      expect(faults).to.have.length.of.at.least(8);
      for (const name of faults) struck.add(name);
    }
    expect([...struck].sort()).to.deep.equal([
      'black hole',
      'client killed',
      'corrupt frame',
      'cut',
      'cut at byte',
      'cut while opening',
      'delay',
      'full outbox',
      'grace expires',
      'large bodies',
      'lingering link',
      'nobody answers',
      'pause',
      'server killed',
      'weather',
    ]);
  });

  it('a seed - replays to the bit', () => {
    for (const seed of [3, 1_758, 9_007_199_254_740_991]) {
      const lines: string[] = [];
      const again: string[] = [];
      const first = simulate(seed, { trace: (line) => lines.push(line) });
      const second = simulate(seed, { trace: (line) => again.push(line) });
      expect(second).to.deep.equal(first);
      expect(again).to.deep.equal(lines);
    }
    expect(simulate(3).digest).to.not.equal(simulate(4).digest);
  });

  for (const bug of ['ack off by one', 'lost resume', 'shared queue'] satisfies Bug[]) {
    it(`a planted bug, ${bug} - is found within 10,000 seeds`, () => {
      let seed = 0;
      while (seed < 10_000 && simulate(seed, { parts: brokenParts(bug) }).violations.length === 0) seed++;
      expect(seed).to.be.below(10_000);
    });
  }
});
