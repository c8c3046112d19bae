import { spawn } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { ensureInstalled, root } from './install.mjs';

/** Compiles dist/ (the package, as ES modules and as CommonJS) and build/ (everything, to be run here). */
export async function build() {
  const packages = await Promise.all([
    compile('tsconfig.build.json', 'dist/esm', 'lib', { type: 'module' }),
    compile('tsconfig.build.cjs.json', 'dist/cjs', 'lib', { type: 'commonjs' }),
  ]);
  // After dist/, as examples and specs may import the package by its name.
  const everything = await compile('tsconfig.json', 'build', '.');
  const output = new Set([...packages, everything].flatMap((text) => text.split('\n')));
  output.delete('');
  if (output.size > 0) throw new Error(`The build failed.\n${[...output].join('\n')}`);
}

async function compile(project, outDir, sourceDir, manifest) {
  const output = await run(process.execPath, ['node_modules/typescript/bin/tsc', '--pretty', 'false', '-p', project]);
  const folder = join(root, outDir);
  if (!existsSync(folder)) return output;
  prune(folder, join(root, sourceDir));
  if (manifest !== undefined) writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest)}\n`);
  return output;
}

/** Removes what was compiled from sources that are gone. */
function prune(outDir, sourceDir) {
  for (const file of readdirSync(outDir, { recursive: true })) {
    const source = String(file).match(/^(.*?)(?:\.d\.ts|\.js|\.js\.map)$/)?.[1];
    if (source !== undefined && !existsSync(join(sourceDir, `${source}.ts`))) rmSync(join(outDir, String(file)));
  }
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk) => {
        output += chunk;
      });
    }
    child.once('error', reject);
    child.once('close', (code) => resolve(code === 0 || output !== '' ? output : `tsc ended with ${code}`));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    ensureInstalled();
    await build();
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
