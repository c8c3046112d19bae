import { expect } from 'chai';
import { describe, it } from 'mocha';
import { adapterCalled } from '../../bench/adapters/index.ts';
import { readArguments } from '../../bench/arguments.ts';
import { whyNotRun } from '../../bench/availability.ts';
import { runScenario } from '../../bench/bench.ts';
import { runMicro } from '../../bench/micro/micro.ts';
import { goals } from '../../bench/report/goals.ts';
import { plots } from '../../bench/report/plots.ts';
import { markdownTables } from '../../bench/report/tables.ts';
import { scenarios } from '../../bench/scenarios/index.ts';
import { quantile, summarize } from '../../bench/statistics.ts';

const machine = { cpu: 'Some CPU', cores: 2, memoryGiB: 4, platform: 'linux x64', node: process.versions.node };

describe('bench', () => {
  const args = readArguments(['--quick']);
  const peers = ['busbar', 'bare socket'].map(adapterCalled);
  /** The others only make the spec longer. */
  const compared = ['sequential', 'pipelined', 'one-way', 'broadcast', 'binary'];

  for (const scenario of scenarios) {
    it(`${scenario.name} - gives every metric for everybody it compares`, async function () {
      if (whyNotRun(scenario.program) !== undefined) this.skip();
      const failures: string[] = [];
      const results = await runScenario(scenario, args, compared.includes(scenario.name) ? peers : peers.slice(0, 1), {
        running: () => {},
        done: () => {},
        failed: (name, variant, peer, error) => failures.push(`${name}, ${variant}, ${peer}: ${error.message}`),
      });
      expect(failures).to.deep.equal([]);
      const variants = Object.entries(results.variants);
      expect(variants).to.not.be.empty;
      for (const [, ofPeer] of variants) {
        expect(Object.keys(ofPeer)).to.include('busbar');
        for (const [peer, metrics] of Object.entries(ofPeer)) {
          const wanted = scenario.metrics.map(({ name }) => name);
          // Of the others a figure may be missing: what a program of its own takes is not seen, for one.
          if (peer === 'busbar') expect(Object.keys(metrics)).to.deep.equal(wanted);
          else expect(metrics).to.include.keys(wanted[0] ?? '');
          for (const { median } of Object.values(metrics)) expect(median).to.be.a('number').that.is.not.NaN;
        }
      }
      const all = { machine, date: '2000-01-01', scenarios: { [scenario.name]: results } };
      expect(markdownTables(all, scenario.group)).to.include('| busbar |');
      expect(plots(all).size).to.be.at.most(1);
      for (const { met, measured } of goals(all, scenario.group)) expect(measured === '').to.equal(met === undefined);
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
