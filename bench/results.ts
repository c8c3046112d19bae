import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './packages.ts';
import { type Machine, machineName } from './machine.ts';
import type { Summary } from './statistics.ts';

/** By peer, then by metric. */
export type VariantResults = Record<string, Record<string, Summary>>;

export interface ScenarioResults {
  readonly title: string;
  readonly measuredAt: string;
  /** Load averages of the machine over one minute, before and after. */
  readonly load: readonly [number, number];
  readonly variants: Record<string, VariantResults>;
}

export interface Results {
  readonly machine: Machine;
  readonly date: string;
  readonly scenarios: Record<string, ScenarioResults>;
}

const folder = join(root, 'bench', 'results');

/** Keeps the results beside those of other scenarios and variants of the same day and machine; returns them all. */
export function keepResults(results: Results): Results {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${machineName(results.machine)}-${results.date}.json`);
  const earlier = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Results) : undefined;
  const scenarios = { ...earlier?.scenarios };
  for (const [name, measured] of Object.entries(results.scenarios)) {
    scenarios[name] = { ...measured, variants: { ...scenarios[name]?.variants, ...measured.variants } };
  }
  const all = { ...results, scenarios };
  writeFileSync(path, `${JSON.stringify(all, undefined, 1)}\n`);
  return all;
}

/** The results kept last for the newest Node. */
export function latestResults(): Results | undefined {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  const all = names.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Results);
  const rank = ({ machine, date }: Results): string => `${date} ${machine.node.padStart(12, '0')}`;
  return all.sort((a, b) => (rank(a) < rank(b) ? -1 : 1)).at(-1);
}
