import type { ScenarioResults } from '../results.ts';
import type { Metric, Variant } from '../scenarios/scenario.ts';
import type { Summary } from '../statistics.ts';

export function medianOf(
  results: ScenarioResults | undefined,
  variant: string,
  peer: string,
  metric: string,
): number | undefined {
  const median = results?.variants[variant]?.[peer]?.[metric]?.median;
  return typeof median === 'number' && Number.isFinite(median) ? median : undefined;
}

/** How many times better `value` is than `other`. */
export function ratio(metric: Pick<Metric, 'better'>, value: number, other: number): number {
  return metric.better === 'higher' ? value / other : other / value;
}

/** With three digits, and thousands apart. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return 'does not keep up';
  const magnitude = Math.abs(value);
  if (magnitude >= 1_000) return Number(value.toPrecision(3)).toLocaleString('en-US');
  return String(Number(value.toPrecision(magnitude >= 1 ? 3 : 2)));
}

/** Half the distance between the lowest and the highest run, in per cent of the median. */
export function spread({ median, low, high }: Summary): string {
  if (low === high || median === 0) return '';
  return `±${Math.round(((high - low) / 2 / Math.abs(median)) * 100)} %`;
}

export function variantNames(results: ScenarioResults, variants: readonly Variant[]): readonly string[] {
  return variants.map(({ name }) => name).filter((name) => results.variants[name] !== undefined);
}
