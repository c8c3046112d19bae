import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { words } from './words.mjs';

// npm run lint:prose: holds the documents, the comments of lib/, the messages of errors and what programs print against the
// words in words.mjs.

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..');
const patterns = Object.entries(words).map(([source, instead]) => [
  new RegExp(source.replaceAll(' ', '\\s+'), 'gi'),
  instead,
]);

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

// Reading takes seconds: a file that was clean as it is now is not read again.
const cleanFile = join(root, 'build/prose.json');
const known = new Set(existsSync(cleanFile) ? JSON.parse(readFileSync(cleanFile, 'utf8')) : []);
const rules = read('prose/words.mjs') + read('prose/lint.mjs');
const clean = [];
let found = 0;
let markdown;

for (const name of documents()) await check(name, readMarkdown);
for (const name of programs()) await check(name, readProgram);
mkdirSync(join(root, 'build'), { recursive: true });
writeFileSync(cleanFile, JSON.stringify(clean));
process.exitCode = found === 0 ? 0 : 1;

async function check(name, reader) {
  const text = read(name);
  const digest = createHash('sha256').update(`${rules}\0${name}\0${text}`).digest('hex');
  const before = found;
  if (!known.has(digest)) await reader(name, text);
  if (found === before) clean.push(digest);
}

async function readMarkdown(name, text) {
  markdown ??= startTextlint();
  for (const { line, message } of await markdown(name, text)) tell(name, line, message);
}

async function readProgram(name, text) {
  const { default: ts } = await import('@typescript/typescript6');
  const tree = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const sentences = name.startsWith('lib/') ? [...commentsIn(text), ...sentencesIn(ts, tree)] : sentencesIn(ts, tree);
  for (const [line, sentence] of sentences) {
    for (const [pattern, instead] of patterns) {
      for (const [match] of sentence.matchAll(pattern)) tell(name, line, `"${match}": write ${instead}`);
    }
  }
}

/** The packages of textlint are those of this folder, and none of the project's. */
function startTextlint() {
  if (!existsSync(join(here, 'node_modules/@textlint/kernel'))) {
    const npm = process.env.npm_execpath;
    const [program, before] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
    const stdio = ['ignore', 'ignore', 'inherit'];
    const settings = { cwd: here, stdio, shell: program === 'npm' && process.platform === 'win32' };
    const { status } = spawnSync(program, [...before, 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], settings);
    if (status !== 0) throw new Error('The packages of the prose linter cannot be installed.');
  }
  const fromHere = createRequire(join(here, 'package.json'));
  const { TextlintKernel } = fromHere('@textlint/kernel');
  const plugin = fromHere('@textlint/textlint-plugin-markdown');
  const kernel = new TextlintKernel();
  const options = {
    ext: '.md',
    plugins: [{ pluginId: 'markdown', plugin: plugin.default ?? plugin }],
    rules: [{ ruleId: 'field-words', rule: fieldWords }],
  };
  return async (name, text) => (await kernel.lintText(text, { ...options, filePath: name })).messages;
}

function tell(name, line, message) {
  found += 1;
  process.stdout.write(`${name}:${line}: ${message}\n`);
}

function documents() {
  return [
    'README.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'AGENTS.md',
    'create-busbar/README.md',
    'skills/busbar/SKILL.md',
    'site/index.md',
    ...filesIn('docs', '.md').filter((name) => !name.startsWith('docs/api/')),
  ];
}

/** Comments before declarations, messages of errors, and what programs print. */
function programs() {
  return ['lib', 'examples', 'create-busbar', 'site/playground'].flatMap((folder) =>
    ['.ts', '.js', '.mjs'].flatMap((ending) => filesIn(folder, ending)),
  );
}

/** The texts of three words or more in code, with their lines. Values are left out of them. */
function* sentencesIn(ts, tree) {
  const texts = [];
  const visit = (node) => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) texts.push([node, node.text]);
    else if (ts.isTemplateExpression(node)) {
      texts.push([node, [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('x')]);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  for (const [node, text] of texts) {
    const line = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
    if (text.trim().split(/\s+/).length >= 3) yield [line, text];
  }
}

/** The comments before declarations, with the lines that they begin on; without their stars and code. */
function* commentsIn(text) {
  for (const { 0: comment, index } of text.matchAll(/\/\*\*[\s\S]*?\*\//g)) {
    const line = text.slice(0, index).split('\n').length;
    yield [line, comment.replace(/^\s*\* ?/gm, '').replace(/```[\s\S]*?```|`[^`]*`/g, '§')];
  }
}

function filesIn(folder, ending) {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file.split(sep).join('/')}`)
    .filter((name) => name.endsWith(ending) && !/node_modules|\/build\//.test(name))
    .sort();
}

function read(name) {
  return readFileSync(join(root, name), 'utf8');
}
