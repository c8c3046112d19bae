import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { publint } from 'publint';
import { command } from '../support/command.ts';
import { pack, unpack } from '../support/packed.ts';
import { root } from '../support/repository.ts';
import { fetchRuntime, type Runtime, sources } from '../support/runtimes.ts';

const fetchTimeoutMs = 120_000;

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly bin?: Readonly<Record<string, string>>;
}

/** Compares, in both module systems, what require and import of each subpath give. */
const comparison = (subpaths: readonly string[]) => `
const names = ${JSON.stringify(subpaths)};
module.exports = async (load, need) => {
  const differing = [];
  for (const name of names) {
    const imported = await load(name);
    const required = need(name);
    const keys = Object.keys(imported).filter((key) => key !== 'default' && key !== 'module.exports');
    if (keys.length === 0) differing.push(name + ' exports nothing');
    for (const key of keys) if (imported[key] !== required[key]) differing.push(name + ' ' + key);
  }
  console.log(differing.length === 0 ? 'same' : differing.join(', '));
};
`;

/** What the headings of a document are reached by. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = [...text.matchAll(/^#+ +(.+)$/gm)].map(([, heading = '']) => heading);
  const plain = headings.map((heading) => heading.toLowerCase().replace(/\[([^\]]*)\]\([^)]*\)/g, '$1'));
  return new Set(plain.map((heading) => heading.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-')));
}

describe('package', function () {
  this.timeout(fetchTimeoutMs * 2);

  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json');
  const fetched = new Map<string, Promise<Runtime | undefined>>();
  let folder: string;
  let tarball: string;
  let installed: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'busbar-package-'));
    for (const source of sources) fetched.set(source.name, fetchRuntime(source, fetchTimeoutMs));
    tarball = await pack(join(folder, 'first'));
    installed = await unpack(tarball, folder);
    writeFileSync(join(folder, 'compare.cjs'), comparison(subpaths.map((subpath) => subpath.replace('.', 'busbar'))));
    writeFileSync(join(folder, 'common.cjs'), "require('./compare.cjs')((name) => import(name), require);\n");
    writeFileSync(
      join(folder, 'module.mjs'),
      "import { createRequire } from 'node:module';\nimport compare from './compare.cjs';\n" +
        'await compare((name) => import(name), createRequire(import.meta.url));\n',
    );
  });

  after(async () => {
    await Promise.all(fetched.values());
    rmSync(folder, { recursive: true, force: true });
  });

  async function expectSameClasses({ program, args }: Runtime): Promise<void> {
    for (const file of ['common.cjs', 'module.mjs']) {
      const { code, stdout, stderr } = await command(program, [...args, file], { cwd: folder });
      expect({ file, code, said: stdout.trim() || stderr }).to.deep.equal({ file, code: 0, said: 'same' });
    }
  }

  it(`classes - require and import give the same ones on the running Node`, () =>
    expectSameClasses({ name: 'this Node', program: process.execPath, args: [] }));

  for (const source of sources) {
    it(`classes - require and import give the same ones on ${source.name}`, async function () {
      const runtime = await fetched.get(source.name);
      if (runtime === undefined) return this.skip();
      await expectSameClasses(runtime);
    });
  }

  it('CommonJS build - loads by itself, for tools that know no ES modules', async () => {
    for (const subpath of subpaths.filter((name) => name !== './browser')) {
      const path = (manifest.exports[subpath] as Record<string, string>)['require'] ?? '';
      const script = `console.log(Object.keys(require(${JSON.stringify(join(installed, path))})).length > 0)`;
      const { stdout, stderr } = await command(process.execPath, ['-e', script], { cwd: folder });
      expect(stdout.trim(), `${subpath} ${stderr}`).to.equal('true');
    }
  });

  it('contents - are a file for each entry and format, what they share, and the documents; 110 files and 4 MB at most', () => {
    const names = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    const known =
      /^(?:dist(?:\/|$)|skills(?:\/|$)|package\.json$|LICENSE$|llms\.txt$|docs$|docs\/img$|(?:docs\/)?[\w-]+\.md$|docs\/[\w/-]+\.(?:png|svg)$)/;
    expect(names.filter((name) => !known.test(name))).to.deep.equal([]);
    const counted = names.filter((name) => !/\.(?:map|md|png|svg)$/.test(name));
    const files = counted.filter((name) => statSync(join(installed, name)).isFile());
    expect(files.length).to.be.within(20, 110);
    const bytes = files.reduce((sum, name) => sum + statSync(join(installed, name)).size, 0);
    expect(bytes).to.be.at.most(4_000_000);
    for (const path of Object.values(manifest.bin ?? {})) {
      expect(existsSync(join(installed, path)), path).to.equal(true);
      expect(readFileSync(join(installed, path), 'utf8').startsWith('#!/usr/bin/env node\n'), path).to.equal(true);
    }
  });

  it('documents - each link in them leads to a file of the package, and to a heading of it', () => {
    const names = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));
    expect(names).to.include.members(['README.md', 'CHANGELOG.md', 'docs/getting-started.md']);
    const texts = new Map(names.map((name) => [name, readFileSync(join(installed, name), 'utf8')]));
    const dead = [...texts].flatMap(([name, text]) =>
      [...text.matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?[^)]*\)/g)].flatMap(([link, path = '', anchor]) => {
        const target = path === '' ? name : join(name, '..', path);
        const isThere = existsSync(join(installed, target)) && !target.startsWith('..');
        return isThere && (anchor === undefined || anchorsOf(texts.get(target) ?? '').has(anchor))
          ? []
          : [`${name} ${link}`];
      }),
    );
    expect(dead).to.deep.equal([]);
  });

  it('internals - cannot be imported', async () => {
    const script = "import('busbar/dist/core.js').then(() => 'imported', (error) => error.code).then(console.log)";
    const { stdout } = await command(process.execPath, ['-e', script], { cwd: folder });
    expect(stdout.trim()).to.equal('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  it('source maps - lead to the sources, which they carry', () => {
    const { sources, sourcesContent } = JSON.parse(readFileSync(join(installed, 'dist/core.js.map'), 'utf8')) as {
      readonly sources: string[];
      readonly sourcesContent: string[];
    };
    const at = sources.indexOf('../lib/session/session.ts');
    expect(sourcesContent[at]).to.equal(readFileSync(join(root, 'lib/session/session.ts'), 'utf8'));
  });

  it('licenses - of the packages that became part of the files are with them', () => {
    const text = readFileSync(join(installed, 'dist/licenses.txt'), 'utf8');
    for (const name of ['ws', 'find-my-way', 'proxy-addr']) expect(text).to.match(new RegExp(`^${name} \\d`, 'm'));
  });

  it('descriptors - 40 are enough to load every entry, in either module system', async () => {
    const names = subpaths.map((subpath) => subpath.replace('.', 'busbar'));
    for (const script of [
      `for (const name of ${JSON.stringify(names)}) require(name); console.log('loaded')`,
      `Promise.all(${JSON.stringify(names)}.map((name) => import(name))).then(() => console.log('loaded'))`,
    ]) {
      const limited = ['-c', 'ulimit -n 40; exec "$0" -e "$1"', process.execPath, script];
      const { stdout, stderr } = await command('sh', limited, { cwd: folder });
      expect(stdout.trim(), stderr).to.equal('loaded');
    }
  });

  it('archive - is the same bytes when packed again', async () => {
    const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
    expect(digest(await pack(join(folder, 'second')))).to.equal(digest(tarball));
  });

  it('manifest - has nothing that publint objects to', async () => {
    const { messages } = await publint({ pkgDir: installed, pack: false, level: 'warning' });
    expect(messages).to.deep.equal([]);
  });

  it('types - resolve for ES modules, CommonJS, bundlers and what knows no exports', async () => {
    const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    const args = [attw, tarball, '--profile', 'strict', '--no-emoji', '--format', 'table-flipped'];
    const { code, stdout, stderr } = await command(process.execPath, args, { cwd: folder, timeoutMs: 60_000 });
    expect(code, stdout + stderr).to.equal(0);
  });
});
