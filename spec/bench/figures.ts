import { expect } from 'chai';
import { adapterCalled } from '../../bench/adapters/index.ts';
import { readArguments } from '../../bench/arguments.ts';
import { runScenario } from '../../bench/bench.ts';
import { goals } from '../../bench/report/goals.ts';
import { plots } from '../../bench/report/plots.ts';
import { markdownTables } from '../../bench/report/tables.ts';
import { scenarios } from '../../bench/scenarios/index.ts';

const machine = { cpu: 'Some CPU', cores: 2, memoryGiB: 4, platform: 'linux x64', node: process.versions.node };
const peers = ['busbar', 'bare socket'].map(adapterCalled);
/** The others only make the spec longer. */
const compared = ['sequential', 'pipelined', 'one-way', 'broadcast', 'binary'];
type Scenario = (typeof scenarios)[number];

/** Runs the smoke form of a scenario: it has every metric for everybody, and all that is made of them. */
export async function expectFigures(scenario: Scenario): Promise<void> {
  const args = readArguments(['--quick']);
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
}

/** One of each kind of program, which `npm test` runs; the long form runs all. */
export const quickOnes: readonly string[] = [
  'pipelined',
  'cold-pipelined',
  'channels-chunks',
  'rpc-calls',
  'gateway-websocket',
  'interserve-small',
  'dispatch-devices',
  'journal-one-way',
];
