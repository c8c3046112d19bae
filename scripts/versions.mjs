import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { transform, stop } from 'esbuild';
import { build } from './build.mjs';
import { ensureInstalled, root } from './install.mjs';

// npm run versions: runs every example of the documents in Node, Bun and Deno, and writes docs/tested-versions.md of it. The
// runtimes are those that the specs fetch; one that cannot be had is left out.

ensureInstalled();
await build();
const { examplesOf } = await import('../build/spec/support/fences.js');
const { fetchRuntime, sources } = await import('../build/spec/support/runtimes.js');

const names = ['README.md', 'skills/busbar/SKILL.md'];
for (const name of readdirSync(join(root, 'docs'))) if (name.endsWith('.md')) names.push(`docs/${name}`);
const examples = names.flatMap((name) => examplesOf(name, readFileSync(join(root, name), 'utf8')));

// Inside the repository, where "busbar" is found by its exports.
mkdirSync(join(root, 'build/versions'), { recursive: true });
const folder = mkdtempSync(join(root, 'build/versions/run-'));
const files = await Promise.all(
  examples.map(async ({ language, code }, at) => {
    const isCommon = language === 'cjs' || (language === 'js' && /\brequire\(/.test(code));
    const file = join(folder, `example-${at}.${isCommon ? 'cjs' : 'mjs'}`);
    const script = language === 'ts' ? (await transform(code, { loader: 'ts', target: 'es2022' })).code : code;
    writeFileSync(file, script);
    return file;
  }),
);
await stop();

const runtimes = [{ name: 'Node 20', program: process.execPath, args: [] }];
if (!process.version.startsWith('v20.')) runtimes.pop();
for (const source of sources) {
  const runtime = await fetchRuntime(source, 300_000);
  if (runtime !== undefined) runtimes.push(runtime);
}
const rows = runtimes.map(({ name, program, args }, run) => {
  // Some examples keep files, and expect none.
  const cwd = join(folder, `run-${run}`);
  mkdirSync(cwd);
  const version = /\d+\.\d+\.\d+/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[0];
  const failed = files.flatMap((file, at) => {
    const { status, stdout } = spawnSync(program, [...args, file], { cwd, encoding: 'utf8', timeout: 30_000 });
    const { place, prints } = examples[at];
    const isRight = status === 0 && (prints === undefined || plain(prints) === plain(stdout));
    return isRight ? [] : [place.replace(/^docs\//, '')];
  });
  process.stdout.write(`${name} ${version}: ${files.length - failed.length} of ${files.length} ${failed.join(' ')}\n`);
  const documents = [...new Set(failed.map((place) => place.replace(/:\d+$/, '')))].map((name) => `\`${name}\``);
  return [
    name.replace(/ \d+$/, ''),
    version,
    `${files.length - failed.length} of ${files.length}`,
    documents.join(', '),
  ];
});
rmSync(folder, { recursive: true, force: true });

/** Without what console.log of each runtime does its own way: quotes, line breaks and commas at ends. */
function plain(text) {
  const oneLine = text.replaceAll('"', "'").replace(/\s+/g, ' ');
  return oneLine
    .replace(/,? ?([\]}])/g, ' $1')
    .replace(/([[{]) ?/g, '$1 ')
    .trim();
}
writeFileSync(
  join(root, 'docs/tested-versions.md'),
  `# Tested versions

The examples of the documents, each run as a process and held against what the page says that it prints, by \`npm run versions\` on
${platform()} ${arch()}. \`npm test\` runs all specs in the Node that runs it, and loads the packed package in the others.

| runtime | version | examples that print what the page says | the others are in |
| --- | --- | --- | --- |
${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}

busbar needs Node 20.19, or 22.12 or later, and has no native addons. How \`console.log\` breaks lines and quotes text is not compared.
[Other runtimes](transports.md#other-runtimes) says what Bun and Deno do differently.
`,
);
