import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { ensureInstalled, root } from './install.mjs';

/** What each part is made from, besides what is installed: folders and files. */
const sources = {
  package: ['lib', 'scripts', 'tsconfig.json', 'tsconfig.build.json'],
  all: [
    'lib',
    'spec',
    'bench',
    'examples',
    'site/playground',
    'scripts',
    'tsconfig.json',
    'tsconfig.build.json',
    'package.json',
  ],
};

/** Makes dist/, which is the package, and build/, everything compiled to be run here; only what its sources are newer than. */
export async function build() {
  await make('package', 'dist/index.js', async () => {
    await compile('tsconfig.build.json', 'build/package', 'lib');
    const { bundle } = await import('./bundle.mjs');
    await bundle();
    const { inspectPage } = await import('./inspect-page.mjs');
    await inspectPage('dist/inspect.html', 'build/lib/cli/inspect/inspect.html');
  });
  // After dist/, as examples and specs import the package by its name.
  await make('all', 'build/lib/index.js', () => compile('tsconfig.json', 'build', '.'));
}

/** Does `work` unless its last result, of which `sample` is a file, came of the same sources. */
async function make(part, sample, work) {
  const stamp = join(root, 'build/stamps', part);
  const digest = digestOf([...sources[part], 'package-lock.json']);
  if (existsSync(join(root, sample)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  rmSync(stamp, { force: true });
  await work();
  mkdirSync(join(root, 'build/stamps'), { recursive: true });
  writeFileSync(stamp, digest);
}

function digestOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths) {
    for (const name of path.includes('.') ? [path] : filesIn(path)) {
      hash.update(`${name}\0`).update(readFileSync(join(root, name)));
    }
  }
  return hash.digest('hex');
}

function filesIn(folder) {
  const found = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && !/node_modules|[\\/]build\b/.test(entry.parentPath.slice(root.length)))
    .map((entry) => join(entry.parentPath.slice(root.length), entry.name))
    .sort();
}

async function compile(project, outDir, sourceDir) {
  // It says where imports by name lead, and is no source of the compiler's.
  const lib = join(root, outDir, relative(sourceDir, 'lib'));
  mkdirSync(lib, { recursive: true });
  copyFileSync(join(root, 'lib/package.json'), join(lib, 'package.json'));
  const output = await run(['node_modules/typescript/bin/tsc', '--pretty', 'false', '-p', project]);
  prune(join(root, outDir), join(root, sourceDir));
  if (output !== '') throw new Error(`The build failed.\n${output}`);
}

/** Removes what was compiled from sources that are gone. */
function prune(outDir, sourceDir) {
  if (!existsSync(outDir)) return;
  for (const file of readdirSync(outDir, { recursive: true })) {
    const source = String(file).match(/^(?!package\/)(.*?)(?:\.d\.ts|\.js|\.js\.map)$/)?.[1];
    if (source !== undefined && !existsSync(join(sourceDir, `${source}.ts`))) rmSync(join(outDir, String(file)));
  }
}

function run(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
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
