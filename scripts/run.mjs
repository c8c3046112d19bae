import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { build } from './build.mjs';
import { endWithUs } from './ending.mjs';
import { ensureInstalled, root } from './install.mjs';

// node scripts/run.mjs examples/game/main.ts [args]: installs what is missing, builds, runs that program.

const [source = '', ...args] = process.argv.slice(2);
try {
  if (!source.endsWith('.ts') || !existsSync(join(root, source)))
    throw new Error(`There is no ${source || 'program'} to run.`);
  ensureInstalled();
  await build();
  const program = join(root, 'build', source.replace(/\.ts$/, '.js'));
  const child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' });
  endWithUs(child);
  child.once('error', (error) => fail(error));
  child.once('close', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
  });
} catch (error) {
  fail(error);
}

function fail(error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
