import type { Adapter } from './adapters/adapter.ts';
import type { Arguments } from './arguments.ts';
import { load } from './machine.ts';
import type { ScenarioResults, VariantResults } from './results.ts';
import { type RunSettings, runOnce } from './run.ts';
import type { Scenario, Variant } from './scenarios/scenario.ts';
import { summarize } from './statistics.ts';

export interface Listener {
  /** A run is about to start. */
  running(scenario: string, variant: string, peer: string): void;
  done(): void;
  failed(scenario: string, variant: string, peer: string, error: Error): void;
}

function variantsOf(scenario: Scenario, { quick, variants }: Arguments): readonly Variant[] {
  const [first] = scenario.variants;
  if (variants !== undefined) return scenario.variants.filter(({ name }) => variants.includes(name));
  if (!quick || first === undefined) return scenario.variants;
  const chosen = scenario.variants.filter((variant) => variant.quick === true);
  return chosen.length > 0 ? chosen : [first];
}

function runsOf({ maxRuns = Number.POSITIVE_INFINITY }: Scenario, { runs }: Arguments): number {
  return Math.min(runs, maxRuns);
}

export function countRuns(args: Arguments, peers: readonly Adapter[]): number {
  let count = 0;
  for (const scenario of args.scenarios) {
    for (const variant of variantsOf(scenario, args)) {
      count += runsOf(scenario, args) * scenario.peers(variant, peers).length;
    }
  }
  return count;
}

/** Until then V8 still compiles, and how much code a peer has would be part of the measurement. */
const leastWarmMs = 1_000;

/** Runs a scenario with everybody it compares: all peers once, then all of them again, and so on, each time another one first. */
export async function runScenario(
  scenario: Scenario,
  args: Arguments,
  peers: readonly Adapter[],
  listener: Listener,
): Promise<ScenarioResults> {
  const { ms, quick, node } = args;
  const warmMs = quick ? ms / 2 : Math.max(leastWarmMs, ms / 2);
  const settings: RunSettings = { pace: { warmMs, measureMs: ms, quick }, node, nodeArgs: [] };
  const before = load();
  const variants: Record<string, VariantResults> = {};
  for (const variant of variantsOf(scenario, args)) {
    const samples = new Map<string, Map<string, number[]>>();
    for (let run = 0; run < runsOf(scenario, args); run++) {
      for (const peer of rotated(scenario.peers(variant, peers), run)) {
        listener.running(scenario.name, variant.name, peer);
        try {
          const numbers = await runOnce(scenario, variant, peer, settings);
          const ofPeer = samples.get(peer) ?? new Map<string, number[]>();
          samples.set(peer, ofPeer);
          for (const { name } of scenario.metrics) {
            const value = numbers[name];
            if (typeof value === 'number') ofPeer.set(name, [...(ofPeer.get(name) ?? []), rounded(value)]);
          }
        } catch (error) {
          listener.failed(scenario.name, variant.name, peer, error as Error);
        }
        listener.done();
      }
    }
    variants[variant.name] = Object.fromEntries(
      [...samples].map(([peer, metrics]) => [
        peer,
        Object.fromEntries([...metrics].map(([name, values]) => [name, summarize(values)])),
      ]),
    );
  }
  return { title: scenario.title, measuredAt: new Date().toISOString(), load: [before, load()], variants };
}

/** Nobody is always first, or always behind the same other. */
function rotated<Item>(items: readonly Item[], by: number): readonly Item[] {
  const at = (by * 5) % Math.max(1, items.length);
  return [...items.slice(at), ...items.slice(0, at)];
}

/** Four digits are more than any of this is good for. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
