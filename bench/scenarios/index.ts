import { binary } from './binary.ts';
import { broadcast } from './broadcast.ts';
import { oneWay } from './one-way.ts';
import { pipelined } from './pipelined.ts';
import type { Scenario } from './scenario.ts';
import { sequential } from './sequential.ts';

export const scenarios: readonly Scenario[] = [sequential, pipelined, oneWay, broadcast, binary];

export function scenarioCalled(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name);
  if (found === undefined) throw new Error(`There is no scenario "${name}"`);
  return found;
}
