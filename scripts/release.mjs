import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { build } from './build.mjs';
import { ensureInstalled, root } from './install.mjs';

// npm run release: says what a publisher still has to fill in, builds, packs both packages twice, compares the archives byte
// by byte, and prints what they have and the steps that are left. It publishes nothing.

const folder = mkdtempSync(join(tmpdir(), 'busbar-release-'));
try {
  ensureInstalled();
  const { version } = manifest('.');
  const open = [...unfilled('.'), ...unfilled('create-busbar'), ...unsaid(version), ...uncommitted()];
  for (const what of open) process.stdout.write(`open: ${what}\n`);
  await build();
  for (const path of ['.', 'create-busbar']) show(path);
  process.stdout.write(steps(version));
  if (open.length > 0) throw new Error(`Not ready: ${open.length} to be done, see above.`);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function manifest(path) {
  return JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
}

/** Without these a page of a package has no links, and provenance is refused. */
function unfilled(path) {
  const { name, ...fields } = manifest(path);
  return ['repository', 'homepage', 'bugs']
    .filter((key) => !fields[key])
    .map((key) => `${name} has no "${key}" in package.json`);
}

function unsaid(version) {
  const changes = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  const [, latest, date] = /^## \[([^\]]+)\] - (.+)$/m.exec(changes) ?? [];
  const wrong = [];
  if (latest !== version) wrong.push(`CHANGELOG.md begins with ${latest}, package.json has ${version}`);
  if (!/^\d{4}-\d\d-\d\d$/.test(date ?? '')) wrong.push(`CHANGELOG.md has no date for ${latest}`);
  if (manifest('create-busbar').version !== version) wrong.push(`create-busbar has another version than ${version}`);
  for (const name of readdirSync(join(root, 'create-busbar/templates'))) {
    const wanted = manifest(`create-busbar/templates/${name}`).dependencies.busbar;
    if (wanted !== `^${version}`) wrong.push(`the template ${name} asks for busbar ${wanted}`);
  }
  return wrong;
}

function uncommitted() {
  const { status, stdout } = spawnSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' });
  if (status !== 0) return ['this is no clone: a release comes from a commit'];
  return stdout === '' ? [] : ['there are changes that are not committed'];
}

function show(path) {
  const [first, second] = ['first', 'second'].map((name) => pack(path, join(folder, path, name)));
  const digests = [first, second].map((file) => createHash('sha256').update(readFileSync(file)).digest('hex'));
  if (digests[0] !== digests[1]) throw new Error(`${first} is not the same bytes when packed again.`);
  const listed = spawnSync('tar', ['-tzf', first], { encoding: 'utf8' }).stdout.trim().split('\n');
  const size = `${(statSync(first).size / 1_024).toFixed(0)} KiB`;
  process.stdout.write(`${first.split(/[\\/]/).at(-1)}: ${size}, ${listed.length} files, sha256 ${digests[0]}\n`);
}

function pack(path, into) {
  mkdirSync(into, { recursive: true });
  const npm = process.env.npm_execpath;
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', into];
  const options = { cwd: join(root, path), encoding: 'utf8' };
  const { status, stderr } = npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
  if (status !== 0) throw new Error(`npm pack failed in ${path}: ${stderr}`);
  return join(into, readdirSync(into)[0]);
}

function steps(version) {
  return `
To publish ${version}:
  1. npm test, npm run test:long, npm run site
  2. git tag v${version}, and push the tag
  3. in CI, with npm 11.5.1 or later and trusted publishing set up for the repository (permission id-token: write):
     npm publish, in . and in create-busbar; provenance follows by itself
  4. npm audit signatures, in a folder with what was published
`;
}
