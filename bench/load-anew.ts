import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { benchFolder, root } from './packages.ts';
import type { Numbers } from './control/commands.ts';
import { now } from './time.ts';

function run(script: string, cwd: string): { ms: number; rss: number } {
  const startedAt = now();
  const rss = execFileSync(process.execPath, ['-e', `${script};console.log(process.memoryUsage.rss())`], { cwd });
  return { ms: now() - startedAt, rss: Number(rss) };
}

/** Loads a package in a Node of its own, several times; the least of each, over the least without it. */
export async function loadAnew(name: string, rounds: number): Promise<Numbers> {
  const isOurs = existsSync(join(root, 'lib')) && name === 'busbar';
  const script = `require(${JSON.stringify(name)})`;
  const cwd = isOurs ? root : benchFolder;
  const [empty, loaded] = [[], []] as { ms: number; rss: number }[][];
  for (let round = 0; round < rounds; round++) {
    empty?.push(run('0', cwd));
    loaded?.push(run(script, cwd));
  }
  const least = (all: { ms: number; rss: number }[] | undefined, key: 'ms' | 'rss'): number =>
    Math.min(...(all ?? []).map((one) => one[key]));
  return Promise.resolve({
    ms: least(loaded, 'ms') - least(empty, 'ms'),
    megabytes: (least(loaded, 'rss') - least(empty, 'rss')) / 1e6,
  });
}
