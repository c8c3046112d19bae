import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import ts from '@typescript/typescript6';
import { treeOf } from '../scripts/syntax.mjs';
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

/** Name, text and line of what is read. Comments are Markdown too, as editors show them; so are sentences of programs. */
function* texts() {
  const pages = [
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
  for (const name of pages) yield [name, read(name), 1];
  for (const name of filesIn('lib', '.ts')) {
    const tree = treeOf(name);
    for (const [at, comment] of commentsIn(tree)) yield [name, comment, lineOf(tree, at)];
    yield* sentencesIn(name, tree);
  }
  // What these programs print.
  const programs = ['examples', 'create-busbar', 'site/playground'].flatMap((folder) => [
    ...filesIn(folder, '.ts'),
    ...filesIn(folder, '.js'),
    ...filesIn(folder, '.mjs'),
  ]);
  for (const name of programs) yield* sentencesIn(name, treeOf(name));
}

/** The texts of three words or more in the code of a file: messages of errors, and what is printed. Values are left out of them. */
function* sentencesIn(name, tree) {
  const found = [];
  const visit = (node) => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) found.push([node, node.text]);
    else if (ts.isTemplateExpression(node)) {
      found.push([node, [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('x')]);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  for (const [node, text] of found) {
    if (text.trim().split(/\s+/).length >= 3) yield [name, text, lineOf(tree, node.getStart(tree))];
  }
}

/** The comments before declarations, without their stars. */
function commentsIn(tree) {
  return [...tree.text.matchAll(/\/\*\*[\s\S]*?\*\//g)].map(({ index, 0: comment }) => [
    index,
    comment.replace(/^\/\*\*|\*\/$/g, '').replace(/^\s*\* ?/gm, ''),
  ]);
}

function lineOf(tree, at) {
  return tree.getLineAndCharacterOfPosition(at).line + 1;
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
