import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { build } from './build.mjs';
import { entries, pageEntries } from './entries.mjs';
import { ensureInstalled, root } from './install.mjs';

// Writes what follows from lib/: the entry points of package.json; in docs/api/ the public surface of each entry, whose
// changes a review is to see; the list of pages, llms.txt; and the tables of the documents that stand between `<!-- table: module export -->` and
// `<!-- end of table -->`, where module is a path in lib/; with `members:` the members of a class or interface. What an
// option or a member means is its comment. With --check it only compares, after a build, and names what differs.

const given = process.argv.slice(2);
const check = given[0] === '--check';
if (given.length > (check ? 1 : 0)) {
  process.stderr.write('usage: npm run generate [-- --check]\n');
  process.exit(1);
}
const stale = [];
/** By row of an options table: its comment. */
const sentences = new Map();
try {
  if (!check) {
    ensureInstalled();
    // Types that do not fit yet keep nobody from the tables; what was compiled is read.
    await build().catch((error) => process.stderr.write(`${error.message}\n`));
  }
  await write('package.json', manifest);
  for (const name of documents()) await write(name, tables);
  const { llmsText } = await import('./pages.mjs');
  await write('llms.txt', () => llmsText());
  mkdirSync(join(root, 'docs/api'), { recursive: true });
  const { apiReports } = await import('./api-reports.mjs');
  const reports = apiReports();
  for (const [name, report] of Object.entries(reports)) await write(`docs/api/${name}`, () => report);
  for (const name of readdirSync(join(root, 'docs/api'))) if (!Object.hasOwn(reports, name)) remove(`docs/api/${name}`);
  if (stale.length > 0) throw new Error(`Not as generated, run "npm run generate": ${stale.join(', ')}`);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

async function write(name, generate) {
  const path = join(root, name);
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const after = await generate(before);
  if (after === before) return;
  if (check) stale.push(name);
  else writeFileSync(path, after);
}

function remove(name) {
  if (check) stale.push(name);
  else rmSync(join(root, name));
}

/** One subpath for each entry, and the program. */
function manifest(text) {
  const subpaths = Object.keys(entries).map((name) => [name === 'index' ? '.' : `./${name}`, name]);
  const exports = Object.fromEntries(subpaths.map(([subpath, name]) => [subpath, conditions(name)]));
  exports['./package.json'] = './package.json';
  const generated = { ...withoutExports(), exports, bin: { busbar: './dist/cli.js' } };
  const kept = Object.entries(JSON.parse(text)).filter(([key]) => !Object.hasOwn(generated, key));
  const at = kept.findIndex(([key]) => key === 'files') + 1;
  kept.splice(at, 0, ...Object.entries(generated));
  return `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`;
}

/** For what knows no `exports`: TypeScript with `moduleResolution: node10` finds the types of each subpath by these. */
function withoutExports() {
  const others = Object.keys(entries).filter((name) => name !== 'index');
  return {
    main: './dist/index.cjs',
    types: './dist/index.d.cts',
    typesVersions: { '*': Object.fromEntries(others.map((name) => [name, [`./dist/${name}.d.cts`]])) },
  };
}

/**
 * `module-sync` and `bun` give require() the ES module too, wherever that is possible, so that there is one copy of every
 * class; `require` is for tools that cannot, such as Jest, also where it plays a page.
 */
function conditions(name) {
  const page = { require: `./dist/${name}.cjs`, default: `./dist/page/${name}.js` };
  return {
    types: { require: `./dist/${name}.d.cts`, default: `./dist/${name}.d.ts` },
    ...(Object.hasOwn(pageEntries, name) ? { browser: page } : {}),
    'module-sync': `./dist/${name}.js`,
    bun: `./dist/${name}.js`,
    require: `./dist/${name}.cjs`,
    default: `./dist/${name}.js`,
  };
}

function documents() {
  const names = existsSync(join(root, 'docs')) ? readdirSync(join(root, 'docs')).map((name) => `docs/${name}`) : [];
  return ['README.md', ...names].filter((name) => name.endsWith('.md') && existsSync(join(root, name)));
}

/** Reads the comments of the tables in a module of lib/, and of those it takes rows from. */
async function readSentences(module) {
  const { commentedProperties, importsOf, treeOf } = await import('./syntax.mjs');
  const tree = treeOf(`lib/${module}.ts`);
  for (const path of importsOf(tree)) {
    const imported = posix.join(posix.dirname(module), path);
    if (imported.endsWith('options.ts') && imported !== 'base/options.ts') await readSentences(imported.slice(0, -3));
  }
  const exported = await import(pathToFileURL(join(root, 'build/lib', `${module}.js`)).href);
  for (const [name, properties] of commentedProperties(tree)) {
    for (const [option, comment] of properties) {
      const row = exported[name]?.[option];
      if (row !== undefined) sentences.set(row, comment);
    }
  }
}

/** The members of a class or interface. */
async function membersTable(module, name) {
  const { membersOf } = await import('./syntax.mjs');
  return table(['', ''], membersOf(module, name));
}

async function tables(text) {
  const pattern = /(<!-- (table|members): (\S+) (\S+) -->\n)[\s\S]*?(<!-- end of table -->)/g;
  let result = '';
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    const [whole, opening, kind, module, name, closing] = match;
    const rendered = await (kind === 'members' ? membersTable(module, name) : optionsTable(module, name));
    result += `${text.slice(end, match.index)}${opening}\n${rendered}\n\n${closing}`;
    end = match.index + whole.length;
  }
  return result + text.slice(end);
}

async function optionsTable(module, name) {
  const path = join(root, 'build/lib', `${module}.js`);
  const values = existsSync(path) ? (await import(pathToFileURL(path).href))[name] : undefined;
  if (values === undefined) throw new Error(`There is no ${name} in lib/${module}.ts.`);
  await readSentences(module);
  return render(values);
}

function render(values) {
  const rows = Object.entries(values);
  if (rows.every(([, value]) => typeof value === 'string')) {
    return table(
      ['code', 'meaning'],
      rows.map(([code, sentence]) => [`\`${code}\``, sentence]),
    );
  }
  const cells = rows.map(([name, row]) => {
    const unit = row.unit === undefined ? '' : `, ${row.unit}`;
    const range = row.range === undefined ? '' : `, ${row.range.replace(/\d{5,}/g, (digits) => shown(Number(digits)))}`;
    return [`\`${name}\``, `${row.type}${unit}${range}`, shown(row.default), sentenceOf(name, row)];
  });
  return table(['option', 'takes', 'default', 'meaning'], cells);
}

function sentenceOf(name, row) {
  const sentence = sentences.get(row);
  if (sentence === undefined) throw new Error(`The option ${name} has no comment.`);
  return sentence;
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function shown(value) {
  if (value === undefined) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? value.toLocaleString('en-US') : '`Infinity`';
  if (typeof value === 'function' || isCode(value)) return 'built in';
  return `\`${typeof value === 'string' ? `'${value}'` : JSON.stringify(value)}\``;
}

/** An object with methods, which is no plain data. */
function isCode(value) {
  return typeof value === 'object' && Object.values(value).some((member) => typeof member === 'function');
}
