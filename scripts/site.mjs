import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import ts from '@typescript/typescript6';
import { build } from './build.mjs';
import { entries } from './entries.mjs';
import { ensureInstalled, root } from './install.mjs';
import { memberTables, withMembers } from './option-members.mjs';
import { fullText, llmsText, pages, withoutMarks } from './pages.mjs';

// npm run site [-- --preview] [-- --base /path/]: the site of the documents in site/build/out, from the same Markdown; with
// --preview it is served. Its packages are those of site/package.json.

const site = join(root, 'site');
const work = join(site, 'build');
const out = join(work, 'out');

try {
  const { values } = parseArgs({
    options: { preview: { type: 'boolean' }, base: { type: 'string', default: '/' }, port: { type: 'string' } },
  });
  ensureInstalled();
  await build();
  installSite();
  rmSync(out, { recursive: true, force: true });
  reference();
  stage();
  await bundlePlayground();
  program(['vitepress/bin/vitepress.js', 'build', '.'], { SITE_BASE: values.base });
  for (const [name, text] of plainTexts(values.base)) writeFileSync(at(out, name), text);
  const broken = brokenLinks(values.base);
  if (broken.length > 0) throw new Error(`Links that lead nowhere:\n${broken.join('\n')}`);
  process.stdout.write(`The site is in ${relative(process.cwd(), out)}.\n`);
  if (values.preview) {
    const { preview } = await import('../site/preview.mjs');
    await preview(out, values.base, Number(values.port ?? 4173));
  }
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

/** By the lock file, without install scripts. */
function installSite() {
  const { dependencies } = JSON.parse(readFileSync(join(site, 'package.json'), 'utf8'));
  const isThere = ([name, version]) => {
    const manifest = join(site, 'node_modules', name, 'package.json');
    return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version;
  };
  if (Object.entries(dependencies).every(isThere)) return;
  const npm = process.env.npm_execpath;
  const [command, before] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const { status } = spawnSync(command, [...before, 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: site,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: command === 'npm' && process.platform === 'win32',
  });
  if (status !== 0) throw new Error('The packages of the site cannot be installed.');
}

/** Runs a program of the site's packages; what it prints is shown when it fails. */
function program([path, ...args], env = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(site, 'node_modules', path), ...args], {
    cwd: site,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`${path} failed.\n${stdout}${stderr}`);
}

/** The API from the declarations that users have, as Markdown: a page for each entry. Made anew when lib/ has changed. */
function reference() {
  const folder = join(work, 'reference');
  const stamp = join(work, 'reference.stamp');
  const sources = readFileSync(join(root, 'build/stamps/package'), 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const names = Object.keys(entries);
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable', 'dom'],
    module: 'nodenext',
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
  };
  const files = names.map((name) => join(root, 'dist', `${name}.d.ts`));
  writeFileSync(join(work, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  const options = {
    entryPoints: files,
    tsconfig: join(work, 'tsconfig.json'),
    out: folder,
    plugin: ['typedoc-plugin-markdown'],
    router: 'module',
    readme: 'none',
    name: 'API reference',
    disableSources: true,
    excludeInternal: true,
    excludePrivate: true,
    excludeProtected: true,
    hideBreadcrumbs: true,
    hidePageHeader: true,
    entryFileName: 'modules',
    useHTMLAnchors: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    typeDeclarationFormat: 'table',
    validation: false,
    logLevel: 'Error',
  };
  writeFileSync(join(work, 'typedoc.json'), JSON.stringify(options));
  program(['typedoc/bin/typedoc', '--options', join(work, 'typedoc.json')]);
  const shown = (name) => (name === 'index' ? 'busbar' : `busbar/${name}`);
  const settings = { ...compilerOptions, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext };
  const libraries = compilerOptions.lib.map((name) => `lib.${name}.d.ts`);
  const members = memberTables(files, { ...settings, lib: libraries });
  for (const name of readdirSync(folder)) {
    const tables = members.get(join(root, 'dist', name.replace(/\.md$/, '.d.ts'))) ?? new Map();
    const titled = withMembers(read(folder, name), tables).replace(
      /^# (?!API)(.+)$/m,
      (_, module) => `# ${shown(module)}`,
    );
    writeFileSync(join(folder, name), titled);
  }
  const items = names
    .filter((name) => existsSync(join(folder, `${name}.md`)))
    .map((name) => ({ text: shown(name), link: `/reference/${name}` }));
  writeFileSync(join(work, 'reference.json'), JSON.stringify(items));
  writeFileSync(stamp, sources);
}

/** What the generator reads: the documents as they are, the front page, and what is served as it is. */
function stage() {
  const target = join(work, 'pages');
  rmSync(target, { recursive: true, force: true });
  cpSync(join(work, 'reference'), join(target, 'reference'), { recursive: true });
  for (const { path, text } of pages()) writeFileSync(at(target, path), shownText(text));
  for (const name of readdirSync(join(root, 'docs'))) {
    if (/\.(?:png|svg)$/.test(name)) cpSync(join(root, 'docs', name), at(target, `docs/${name}`));
  }
  cpSync(join(root, 'docs/img'), join(target, 'docs/img'), { recursive: true });
  cpSync(join(site, 'index.md'), join(target, 'index.md'));
  mkdirSync(join(work, 'public'), { recursive: true });
  cpSync(join(site, 'icon.svg'), join(work, 'public/icon.svg'));
}

/** Fences whose language is a word of the specs' own are plain text. */
function shownText(text) {
  return withoutMarks(text).replace(/^```(?:vectors|hello)$/gm, '```text');
}

/** The playground in two files: what the page shows, and the worker that has the bus in it. */
async function bundlePlayground() {
  const { build: bundle } = await import('esbuild');
  const common = {
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
  };
  const compiled = join(root, 'build/site/playground');
  // The server knows addresses of all kinds, and those of memory alone are used.
  const node = {
    name: 'without Node',
    setup(plugins) {
      plugins.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: 'node' }));
      plugins.onLoad({ filter: /.*/, namespace: 'node' }, () => ({
        contents: 'export const isIP = () => 0; export class SocketAddress {} export const createServer = undefined;',
      }));
      // Clients in pages make no records, so what a server shares of them is never written: the codec of pages suffices.
      plugins.onResolve({ filter: /\/body-codec\.js$/ }, () => ({
        path: join(root, 'build/lib/browser/body-codec.js'),
      }));
    },
  };
  const define = { 'process.platform': '"browser"', Buffer: 'undefined' };
  await bundle({
    ...common,
    entryPoints: [join(compiled, 'world.js')],
    outfile: join(work, 'public/playground/world.js'),
    plugins: [node],
    define,
  });
  await bundle({
    ...common,
    entryPoints: [join(compiled, 'playground.js')],
    outfile: join(work, 'playground/playground.js'),
  });
}

/** For programs that read: each page as Markdown where its HTML is, all in one file, and the list. */
function* plainTexts(base) {
  yield ['llms.txt', llmsText(base)];
  yield ['llms-full.txt', fullText()];
  for (const { path, text } of pages()) yield [path, withoutMarks(text)];
  const folder = join(work, 'reference');
  for (const name of readdirSync(folder)) yield [`reference/${name}`, read(folder, name)];
}

function at(folder, name) {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  return path;
}

/** Links of the built pages to files or anchors that there are not. */
function brokenLinks(base) {
  const files = readdirSync(out, { recursive: true }).map((name) => String(name).split(sep).join('/'));
  const html = new Map(files.filter((name) => name.endsWith('.html')).map((name) => [name, read(out, name)]));
  const anchors = new Map([...html].map(([name, text]) => [name, idsIn(text)]));
  return [...html].flatMap(([name, text]) =>
    [...text.matchAll(/<(?:a|link|img|script)\s[^>]*?(?:href|src)="([^"]+)"/g)]
      .map(([, link]) => link.replaceAll('&amp;', '&'))
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => !leads(link, name))
      .map((link) => `${name}: ${link}`),
  );

  function leads(link, from) {
    const [path = '', anchor = ''] = link.split('#');
    const absolute = path.startsWith('/') ? path.slice(base.length) : posix.join(posix.dirname(from), path);
    const target = path === '' ? from : absolute === '' || absolute.endsWith('/') ? `${absolute}index.html` : absolute;
    const found = [target, `${target}.html`].find((candidate) => files.includes(candidate));
    if (found === undefined) return false;
    return anchor === '' || !found.endsWith('.html') || anchors.get(found).has(decodeURIComponent(anchor));
  }
}

function read(folder, name) {
  return readFileSync(join(folder, name), 'utf8');
}

function idsIn(text) {
  return new Set([...text.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id));
}
