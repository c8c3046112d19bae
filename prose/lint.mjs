import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { words } from './words.mjs';

// npm run lint:prose: holds the documents, the messages of errors and the comments of lib/ against the words in words.mjs.

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..');
const patterns = Object.entries(words).map(([source, instead]) => [new RegExp(source, 'gi'), instead]);

/** A rule of textlint: each word that is not to be written, where it stands. Code is no text there. */
function fieldWords({ Syntax, RuleError, report, getSource, locator }) {
  return {
    [Syntax.Str](node) {
      const text = getSource(node);
      for (const [pattern, instead] of patterns) {
        for (const match of text.matchAll(pattern)) {
          const padding = locator.range([match.index, match.index + match[0].length]);
          report(node, new RuleError(`"${match[0]}": write ${instead}`, { padding }));
        }
      }
    },
  };
}

if (!existsSync(join(here, 'node_modules/@textlint/kernel'))) {
  const npm = process.env.npm_execpath;
  const [program, before] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const options = {
    cwd: here,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: program === 'npm' && process.platform === 'win32',
  };
  const { status } = spawnSync(program, [...before, 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], options);
  if (status !== 0) throw new Error('The packages of the prose linter cannot be installed.');
}
// They are packages of this folder, and none of the project's.
const fromHere = createRequire(join(here, 'package.json'));
const { TextlintKernel } = fromHere('@textlint/kernel');
const markdown = fromHere('@textlint/textlint-plugin-markdown');

const kernel = new TextlintKernel();
const options = {
  ext: '.md',
  plugins: [{ pluginId: 'markdown', plugin: markdown.default ?? markdown }],
  rules: [{ ruleId: 'field-words', rule: fieldWords }],
};
let found = 0;

for (const [name, text, firstLine] of texts()) {
  const { messages } = await kernel.lintText(text, { ...options, filePath: name });
  for (const { line, message } of messages) {
    found += 1;
    process.stdout.write(`${name}:${line + firstLine - 1}: ${message}\n`);
  }
}
process.exitCode = found === 0 ? 0 : 1;

/** Name, text and line of what is read. Comments are Markdown too, as editors show them. */
function* texts() {
  for (const name of [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'AGENTS.md',
    'skills/busbar/SKILL.md',
    'site/index.md',
  ]) {
    yield [name, read(name), 1];
  }
  for (const name of readdirSync(join(root, 'docs'))) {
    if (name.endsWith('.md')) yield [`docs/${name}`, read(`docs/${name}`), 1];
  }
  for (const file of readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const name = `lib/${file}`;
    const source = read(name);
    for (const comment of source.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
      const text = comment[0].replace(/^\/\*\*|\*\/$/g, '').replace(/^\s*\* ?/gm, '');
      yield [name, text, source.slice(0, comment.index).split('\n').length];
    }
    for (const sentence of source.matchAll(/new BusError\(\s*'ERR_\w+',\s*(['`])([\s\S]*?)\1/g)) {
      yield [name, sentence[2], source.slice(0, sentence.index).split('\n').length];
    }
  }
}

function read(name) {
  return readFileSync(join(root, name), 'utf8');
}
