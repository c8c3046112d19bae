import { expect } from 'chai';
import { describe, it } from 'mocha';
import { readArguments } from '../../bench/arguments.ts';
import { whyNotRun } from '../../bench/availability.ts';
import { runMicro } from '../../bench/micro/micro.ts';
import { scenarios } from '../../bench/scenarios/index.ts';
import { quantile, summarize } from '../../bench/statistics.ts';
import { expectFigures, quickOnes } from './figures.ts';

describe('bench', () => {
  for (const scenario of scenarios.filter(({ name }) => quickOnes.includes(name))) {
    it(`${scenario.name} - gives every metric for everybody it compares`, async function () {
      if (whyNotRun(scenario.program) !== undefined) this.skip();
      await expectFigures(scenario);
    });
  }

  it('micro - has a figure for encoder, decoder, outbox and codecs', async () => {
    const lines = (await runMicro(true)).trim().split('\n');
    expect(lines).to.have.length(12);
    for (const line of lines) expect(line).to.match(/ \d+ ns$/);
  });

  it('arguments - are refused by name', () => {
    expect(() => readArguments(['--only', 'nonsense'])).to.throw('There is no scenario "nonsense".');
    expect(() => readArguments(['--peer', 'nonsense'])).to.throw('There is no peer "nonsense".');
    expect(() => readArguments(['--runs', '0'])).to.throw('--runs');
    expect(readArguments(['--only', 'rpc,gateway-http']).scenarios.map(({ name }) => name)).to.deep.equal([
      'rpc-calls',
      'gateway-http',
    ]);
    expect(readArguments(['--peer', 'ws']).peers.map(({ name }) => name)).to.deep.equal(['busbar', 'ws']);
  });

  it('statistics - are medians and quantiles in proportion', () => {
    expect(summarize([3, 1, 2])).to.deep.equal({ median: 2, low: 1, high: 3, samples: [3, 1, 2] });
    expect(quantile([0, 10, 20, 30], 0.5)).to.equal(15);
    expect(quantile([], 0.5)).to.be.NaN;
  });
});
