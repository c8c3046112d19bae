import { parseArgs } from 'node:util';
import type { Adapter } from './adapters/adapter.ts';
import { adapters } from './adapters/index.ts';
import { scenarios } from './scenarios/index.ts';
import { type Group, groups, type Scenario } from './scenarios/scenario.ts';

function namesOf(group: Group): readonly string[] {
  return scenarios.filter((scenario) => scenario.group === group).map(({ name }) => name);
}

export const usage = `npm run bench -- [options]

  --only NAMES    scenarios or groups of them, by name and separated by commas; all unless given
  --variant NAMES of those scenarios, the rows of these names alone
  --peer NAMES    peers of the bus likewise; busbar is always among them
  --runs N        runs of each, 5 unless given
  --ms N          how long one measurement takes, 700 unless given
  --node PATH     the Node that runs the processes under test; the one of the bench unless given
  --quick         a smoke test: one short run of busbar and the bare socket
  --micro         encoder, decoder, outbox and codecs by themselves instead
  --json          prints the results as JSON instead of tables
  --write         keeps the results in bench/results, docs/performance.md and docs/img
  --report        writes the document and the plots anew from the results kept last
  --no-install    does not install the packages of bench/ that are missing

${groups.map((group) => `${group}: ${namesOf(group).join(', ')}`).join('\n')}
peers: ${adapters.map(({ name }) => name).join(', ')}
`;

export interface Arguments {
  readonly scenarios: readonly Scenario[];
  readonly peers: readonly Adapter[];
  /** Names of variants; undefined for all. */
  readonly variants: readonly string[] | undefined;
  readonly runs: number;
  readonly ms: number;
  readonly node: string;
  readonly quick: boolean;
  readonly micro: boolean;
  readonly json: boolean;
  readonly write: boolean;
  readonly report: boolean;
  readonly install: boolean;
  readonly help: boolean;
}

/** @throws Error that says what is wrong with them. */
export function readArguments(given: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...given],
    allowNegative: true,
    options: {
      only: { type: 'string' },
      variant: { type: 'string' },
      peer: { type: 'string' },
      runs: { type: 'string' },
      ms: { type: 'string' },
      node: { type: 'string' },
      quick: { type: 'boolean', default: false },
      micro: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      install: { type: 'boolean', default: true },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick, peer } = values;
  const peers = picked('peer', adapters, peer ?? (quick ? 'busbar,bare socket' : undefined));
  return {
    scenarios: picked('scenario', scenarios, withGroups(values.only)),
    peers: peers.filter(({ byNameOnly }) => byNameOnly !== true || peer !== undefined),
    variants: values.variant?.split(',').map((name) => name.trim()),
    runs: positive('--runs', values.runs ?? (quick ? '1' : '5')),
    ms: positive('--ms', values.ms ?? (quick ? '60' : '700')),
    node: values.node ?? process.execPath,
    quick,
    micro: values.micro,
    json: values.json,
    write: values.write,
    report: values.report,
    install: values.install && !quick,
    help: values.help,
  };
}

/** A group's name stands for its scenarios. */
function withGroups(names: string | undefined): string | undefined {
  return names
    ?.split(',')
    .flatMap((name) => {
      const ofGroup = scenarios.filter(({ group }) => group === name.trim().toLowerCase());
      return ofGroup.length === 0 ? [name] : ofGroup.map((scenario) => scenario.name);
    })
    .join(',');
}

function picked<Named extends { readonly name: string }>(
  what: string,
  all: readonly Named[],
  names: string | undefined,
): readonly Named[] {
  if (names === undefined) return all;
  const wanted = names.split(',').map((name) => name.trim().toLowerCase());
  for (const name of wanted) {
    if (!all.some((one) => one.name.toLowerCase() === name)) throw new Error(`There is no ${what} "${name}".`);
  }
  // Everything is compared with busbar.
  return all.filter(({ name }) => wanted.includes(name.toLowerCase()) || (what === 'peer' && name === 'busbar'));
}

function positive(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new Error(`${name} takes a whole number of at least 1.`);
  return number;
}
