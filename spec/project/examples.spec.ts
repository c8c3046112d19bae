import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { transform } from 'esbuild';
import { after, before, describe, it } from 'mocha';
import { command } from '../support/command.ts';
import { examplesOf, partsOf, programsOf } from '../support/fences.ts';
import { root } from '../support/repository.ts';

const documents = existsSync(join(root, 'docs')) ? readdirSync(join(root, 'docs')).map((name) => `docs/${name}`) : [];
const texts = ['README.md', 'skills/busbar/SKILL.md', ...documents]
  .filter((name) => name.endsWith('.md') && existsSync(join(root, name)))
  .map((name) => [name, readFileSync(join(root, name), 'utf8')] as const);
const examples = texts.flatMap(([name, text]) => examplesOf(name, text));
const programs = texts.flatMap(([name, text]) => programsOf(name, text));
const parts = texts.flatMap(([name, text]) => partsOf(name, text));

/** The packages that a program imports, those of Node apart. */
function packagesOf(code: string): string[] {
  return [...code.matchAll(/from '([^.'][^']*)'/g)].flatMap(([, name = '']) => (name.startsWith('node:') ? [] : name));
}

describe('examples of the documents', () => {
  // Inside the repository, where Node and the compiler find "busbar" as a user would, through its exports.
  const folder = join(root, 'build', 'documents');
  const nameOf = (index: number, language: string) => {
    const isCommon = language === 'cjs' || (language === 'js' && /\brequire\(/.test(examples[index]?.code ?? ''));
    return join(folder, `example-${index}.${language === 'ts' ? 'mts' : isCommon ? 'cjs' : 'mjs'}`);
  };
  let diagnostics = '';

  before(async () => {
    mkdirSync(folder, { recursive: true });
    for (const [index, { language, code }] of examples.entries()) writeFileSync(nameOf(index, language), code);
    if (!examples.some(({ language }) => language === 'ts')) return;
    const config = { extends: '../../tsconfig.json', include: ['*.mts'], exclude: [] };
    const compilerOptions = { rootDir: '.', outDir: '.', sourceMap: false, noUnusedLocals: false };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...config, compilerOptions }));
    const compiled = await command(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]);
    diagnostics = compiled.stdout;
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('fences - are found with their language, code and output', () => {
    const text = 'x\n<!-- runs -->\n```js\na();\n```\n\n<!-- prints -->\n```text\nb\n```\n```js\nnot();\n```\n';
    expect(examplesOf('x.md', text)).to.deep.equal([
      { place: 'x.md:2', language: 'js', code: 'a();\n', prints: 'b\n' },
    ]);
  });

  it('types - the TypeScript ones compile', () => {
    expect(diagnostics).to.equal('');
  });

  it('differences - have the side that they lead to, and the one that they lead away from', () => {
    const [example] = examplesOf('x.md', '<!-- runs -->\n```diff\n-a();\n+b();\n c();\n```\n');
    expect([example?.code, example?.was]).to.deep.equal(['b();\nc();\n', 'a();\nc();\n']);
  });

  it('parts of programs, which do not run - are without errors of syntax', async () => {
    expect(parts.length).to.be.greaterThan(20);
    const faults: string[] = [];
    const replaced = examples.map(({ place, was = '' }) => ({ place, code: was }));
    for (const { place, code } of [...parts, ...replaced]) {
      await transform(code, { loader: 'ts' }).catch((error: unknown) => faults.push(`${place} ${String(error)}`));
    }
    expect(faults).to.deep.equal([]);
  });

  for (const [index, { place, prints = '', was }] of examples.entries()) {
    if (was === undefined || !packagesOf(was).every((name) => existsSync(join(root, 'node_modules', name)))) continue;
    it(`${place} - what it replaces prints the same`, async () => {
      const { code } = await transform(was, { loader: 'ts', format: 'esm', target: 'es2022' });
      const file = join(folder, `before-${index}.mjs`);
      writeFileSync(file, code);
      // Most of them end by themselves as little as the programs that they are taken from.
      const child = spawn(process.execPath, [file], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = once(child, 'close');
      let printed = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
        if (printed.trim() === prints.trim()) child.kill();
      });
      const late = globalThis.setTimeout(() => child.kill(), 9_000);
      await ended;
      clearTimeout(late);
      expect(printed.trim()).to.equal(prints.trim());
    });
  }

  for (const [index, { place, files, prints }] of programs.entries()) {
    it(`${place} - runs as it says, in ${files.length} processes`, async () => {
      const place = join(folder, `program-${index}`);
      mkdirSync(place);
      for (const [name, code] of files) writeFileSync(join(place, name), code);
      const last = files.at(-1)?.[0] ?? '';
      const others = files
        .slice(0, -1)
        .map(([name]) => spawn(process.execPath, [name], { cwd: place, stdio: 'inherit' }));
      try {
        for (let left = 450; !readdirSync(place).some((name) => name.endsWith('.sock')); left--) {
          expect(left, 'a server listens').to.be.greaterThan(0);
          await setTimeout(20);
        }
        const { code, stdout, stderr } = await command(process.execPath, [last], { cwd: place, timeoutMs: 9_000 });
        expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
        expect(stdout.trim()).to.equal(prints?.trim());
      } finally {
        for (const other of others) other.kill('SIGTERM');
        await Promise.all(others.filter(({ exitCode }) => exitCode === null).map((other) => once(other, 'exit')));
      }
    });
  }

  for (const [index, { place, language, prints }] of examples.entries()) {
    it(`${place} - runs as it says`, async () => {
      const file = nameOf(index, language).replace(/\.mts$/, '.mjs');
      const { code, stdout, stderr } = await command(process.execPath, [file], { cwd: folder, timeoutMs: 9_000 });
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      if (prints !== undefined) expect(stdout.trim()).to.equal(prints.trim());
    });
  }
});
