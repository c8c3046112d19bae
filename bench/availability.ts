import { spawnSync } from 'node:child_process';
import type { Adapter } from './adapters/adapter.ts';
import { hasBenchModule } from './packages.ts';

/** Why a peer cannot take part; undefined when it can. */
export function whyMissing(adapter: Adapter, nodeMajor: number): string | undefined {
  const { module, minimumNodeMajor = 0, program } = adapter;
  if (nodeMajor < minimumNodeMajor) return `needs Node ${minimumNodeMajor} or later`;
  if (module !== undefined && !hasBenchModule(module)) return 'is not installed in bench/';
  return whyNotRun(program);
}

/** Why a program cannot be run; undefined when it can, or none is needed. */
export function whyNotRun(program: string | undefined): string | undefined {
  if (program === undefined || spawnSync(program, ['--version']).error === undefined) return undefined;
  return `needs ${program}`;
}
