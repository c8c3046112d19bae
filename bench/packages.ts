import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The folder of the project; compiled files stand two folders deeper than it. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** Has a package.json and a lock file of its own: what is compared, and what draws the plots. */
export const benchFolder = join(root, 'bench');

const requireHere = createRequire(join(benchFolder, 'package.json'));

/** A module that was installed for the bench alone. */
export function benchModule(name: string): unknown {
  return requireHere(name);
}

/** Likewise, one that waits for something as it loads. */
export function importBenchModule(name: string): Promise<unknown> {
  return import(pathToFileURL(requireHere.resolve(name)).href);
}

export function hasBenchModule(name: string): boolean {
  try {
    requireHere.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Installs the packages of the bench by their lock file, without install scripts; false when that cannot be done. */
export function installPackages(): boolean {
  if (isInstalled()) return true;
  const npm = process.env['npm_execpath'];
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  const [program, before] = npm?.endsWith('.js') === true ? [process.execPath, [npm]] : ['npm', []];
  const { status } = spawnSync(program, [...before, ...args], {
    cwd: benchFolder,
    stdio: ['ignore', 'ignore', 'pipe'],
    shell: program === 'npm' && process.platform === 'win32',
  });
  return status === 0;
}

function isInstalled(): boolean {
  const { dependencies = {} } = manifestIn(benchFolder);
  return Object.entries(dependencies).every(([name, version]) => {
    const folder = join(benchFolder, 'node_modules', name);
    return existsSync(join(folder, 'package.json')) && manifestIn(folder).version === version;
  });
}

function manifestIn(folder: string): { readonly version?: string; readonly dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: string };
}
