import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { root } from './install.mjs';

// Brings package-lock.json in line with package.json, away from node_modules: beside installed packages npm leaves out of
// the lock file what belongs to other platforms, and then "npm ci" refuses it.

const folder = mkdtempSync(join(tmpdir(), 'busbar-lock-'));
try {
  for (const name of ['package.json', 'package-lock.json', '.npmrc']) copyFileSync(join(root, name), join(folder, name));
  const { status } = spawnSync('npm', ['install', '--package-lock-only', '--ignore-scripts'], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status === 0) copyFileSync(join(folder, 'package-lock.json'), join(root, 'package-lock.json'));
  else process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
