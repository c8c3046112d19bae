import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { root } from './install.mjs';

const systemFolders = ['/usr/sbin', '/sbin', '/usr/local/sbin'];
const installDeadlineMs = 600_000;

/** Where a program is, or undefined. */
function find(program) {
  return [...(process.env.PATH ?? '').split(delimiter), ...systemFolders]
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** In CI, as root on Debian: installs the programs of `.ci/programs` that are missing. A failure is said, never thrown. */
export function installPrograms() {
  const missing = readFileSync(join(root, '.ci/programs'), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => line.trim().split(/\s+/))
    .filter(([program]) => find(program) === undefined);
  if (missing.length === 0 || process.env.CI !== 'true') return;
  if (process.getuid?.() !== 0 || find('apt-get') === undefined) return;
  const packages = missing.map(([, name]) => name);
  const install = ['install', '-y', '--no-install-recommends'];
  if (!apt(['update'])) return;
  // All at once is quicker; one that is not to be had must not keep the others away.
  if (!apt([...install, ...packages])) for (const name of packages) apt([...install, name]);
}

function apt(args) {
  const { status, stderr } = spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=60', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: installDeadlineMs,
    encoding: 'utf8',
  });
  if (status !== 0) process.stderr.write(`apt-get ${args.join(' ')} failed: ${stderr ?? ''}\n`);
  return status === 0;
}
