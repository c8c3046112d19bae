import { adapters } from '../adapters/index.ts';
import type { Results, ScenarioResults } from '../results.ts';
import { scenarios } from '../scenarios/index.ts';
import type { Group, Metric, Scenario } from '../scenarios/scenario.ts';
import { isPeer } from './goals.ts';
import { medianOf, ratio, short, spread, variantNames } from './numbers.ts';

interface Cell {
  readonly value: string;
  readonly spread: string;
  readonly ratio: string;
}

function cell(results: ScenarioResults, variant: string, peer: string, metric: Metric): Cell | undefined {
  const summary = results.variants[variant]?.[peer]?.[metric.name];
  if (summary === undefined) return undefined;
  const ours = medianOf(results, variant, 'busbar', metric.name);
  const theirs = medianOf(results, variant, peer, metric.name);
  const compared = ours === undefined || theirs === undefined || theirs === 0 ? undefined : ratio(metric, ours, theirs);
  return {
    value: short(summary.median),
    spread: spread(summary),
    ratio: compared === undefined || peer === 'busbar' ? '' : `${compared.toFixed(2)} x`,
  };
}

function peersOf(results: ScenarioResults): readonly string[] {
  const found = new Set(Object.values(results.variants).flatMap((variant) => Object.keys(variant)));
  const ofTheBus = adapters.map(({ name }) => name).filter((name) => found.has(name));
  return [...new Set([...ofTheBus, ...found])];
}

/** For the terminal: every metric of every peer. */
export function textTables({ machine, scenarios: measured }: Results): string {
  const lines = [`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}; x: how many times better busbar is`];
  for (const scenario of scenarios) {
    const results = measured[scenario.name];
    if (results === undefined) continue;
    lines.push('', `${scenario.name}: ${scenario.title}`);
    for (const variant of variantNames(results, scenario.variants)) {
      for (const metric of scenario.metrics) {
        lines.push(`  ${variant}, ${metric.name} in ${metric.unit}`);
        for (const peer of peersOf(results)) {
          const found = cell(results, variant, peer, metric);
          if (found === undefined) continue;
          const { value, spread: around, ratio: times } = found;
          lines.push(`    ${peer.padEnd(32)}${value.padStart(12)} ${around.padEnd(8)}${times.padStart(10)}`);
        }
      }
    }
  }
  return `${lines.join('\n')}\n`;
}

/** For the document: the main metric of every variant, and behind each figure how far its runs lie apart and how many times better busbar is. */
export function markdownTables({ scenarios: measured }: Results, group: Group): string {
  const parts: string[] = [];
  for (const scenario of scenarios) {
    const results = measured[scenario.name];
    if (results !== undefined && scenario.group === group) parts.push(markdownTable(scenario, results));
  }
  return parts.join('\n\n');
}

function markdownTable(scenario: Scenario, results: ScenarioResults): string {
  const variants = variantNames(results, scenario.variants);
  const columns = columnsOf(scenario, variants);
  const lines = [
    `**${scenario.name}.** ${scenario.title}`,
    '',
    `| peer | ${columns.map(({ title }) => title).join(' | ')} |`,
    `| --- |${' ---: |'.repeat(columns.length)}`,
  ];
  const beside = scenario.metrics.filter((metric) => metric.beside === true);
  for (const peer of [...peersOf(results)].sort((a, b) => rank(results, columns, a) - rank(results, columns, b))) {
    const cells = columns.map(({ variant, metric }) => {
      const found = cell(results, variant, peer, metric);
      if (found === undefined) return '';
      const others = beside.map((other) => `, ${other.name} ${cell(results, variant, peer, other)?.value ?? ''}`);
      const times = found.ratio === '' ? '' : `, ${found.ratio}`;
      return `${[found.value, found.spread].join(' ').trim()}${times}${others.join('')}`;
    });
    if (cells.some((text) => text !== '')) lines.push(`| ${peer} | ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

/** Peers that beat busbar anywhere come first, then busbar itself. */
function rank(results: ScenarioResults, columns: readonly Column[], peer: string): number {
  if (peer === 'busbar') return 1;
  const beatsUs = columns.some(({ variant, metric }) => {
    const ours = medianOf(results, variant, 'busbar', metric.name);
    const theirs = medianOf(results, variant, peer, metric.name);
    return ours !== undefined && theirs !== undefined && ratio(metric, ours, theirs) < 1;
  });
  return isPeer(peer) && beatsUs ? 0 : 2;
}

interface Column {
  readonly title: string;
  readonly variant: string;
  readonly metric: Metric;
}

/** One column for each variant, or, where there is only one, for each metric. */
function columnsOf({ group, metrics: all }: Scenario, variants: readonly string[]): readonly Column[] {
  const metrics = all.filter(({ beside }) => beside !== true);
  const [main] = metrics;
  const [only] = variants;
  if (main === undefined || only === undefined) return [];
  if (variants.length === 1 || variants.length * metrics.length <= (group === 'bus' ? 4 : 8)) {
    return variants.flatMap((variant) =>
      metrics.map((metric) => ({
        title: `${variants.length === 1 ? metric.name : `${variant}, ${metric.name}`}, ${metric.unit}`,
        variant,
        metric,
      })),
    );
  }
  return variants.map((variant, n) => ({
    title: n === 0 ? `${variant}, ${main.unit}` : variant,
    variant,
    metric: main,
  }));
}
