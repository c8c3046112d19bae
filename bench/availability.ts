import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Adapter } from './adapters/adapter.ts';
import { hasPeerModule, peersFolder } from './adapters/peer-module.ts';

/** Installs the peers by their lock file, without their install scripts; false when that cannot be done. */
export function installPeers(): boolean {
  if (existsSync(join(peersFolder, 'node_modules', '.package-lock.json'))) return true;
  const npm = process.env['npm_execpath'];
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
  const [program, before] = npm?.endsWith('.js') === true ? [process.execPath, [npm]] : ['npm', []];
  const { status } = spawnSync(program, [...before, ...args], {
    cwd: peersFolder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return status === 0;
}

/** Why a peer cannot take part; undefined when it can. */
export function whyMissing(adapter: Adapter, nodeMajor: number): string | undefined {
  const { module, minimumNodeMajor = 0, program } = adapter;
  if (nodeMajor < minimumNodeMajor) return `needs Node ${minimumNodeMajor} or later`;
  if (module !== undefined && !hasPeerModule(module)) return 'is not installed in bench/peers';
  return whyNotRun(program);
}

/** Why a program cannot be run; undefined when it can, or none is needed. */
export function whyNotRun(program: string | undefined): string | undefined {
  if (program === undefined || spawnSync(program, ['--version']).error === undefined) return undefined;
  return `needs ${program}`;
}
