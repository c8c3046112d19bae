import { besideBulk } from './beside-bulk.ts';
import { binary } from './binary.ts';
import { broadcast } from './broadcast.ts';
import { cpu } from './cpu.ts';
import { idle } from './idle.ts';
import { manyClients } from './many-clients.ts';
import { oneWay } from './one-way.ts';
import { openLoop } from './open-loop.ts';
import { payloadSizes } from './payload-sizes.ts';
import { pipelined } from './pipelined.ts';
import { resume } from './resume.ts';
import type { Scenario } from './scenario.ts';
import { sequential } from './sequential.ts';
import { startUp } from './start-up.ts';
import { survey } from './survey.ts';

export const scenarios: readonly Scenario[] = [
  sequential,
  pipelined,
  oneWay,
  broadcast,
  survey,
  binary,
  payloadSizes,
  openLoop,
  manyClients,
  besideBulk,
  idle,
  resume,
  cpu,
  startUp,
];

export function scenarioCalled(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name);
  if (found === undefined) throw new Error(`There is no scenario "${name}"`);
  return found;
}
