import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { command } from '../support/command.ts';
import { root } from '../support/repository.ts';

interface Example {
  /** Where it stands: the document and the line of its fence. */
  readonly place: string;
  readonly language: 'js' | 'ts' | 'cjs';
  readonly code: string;
  readonly prints: string | undefined;
}

/** The fences marked `<!-- runs -->`, each with the `text` fence marked `<!-- prints -->` that may follow it. */
function examplesOf(document: string, text: string): Example[] {
  const pattern = /<!-- runs -->\s*```(js|ts|cjs)\n([\s\S]*?)```\n(?:\s*<!-- prints -->\s*```text\n([\s\S]*?)```)?/g;
  return [...text.matchAll(pattern)].map((match) => ({
    place: `${document}:${text.slice(0, match.index).split('\n').length}`,
    language: match[1] === 'ts' || match[1] === 'cjs' ? match[1] : 'js',
    code: match[2] ?? '',
    prints: match[3],
  }));
}

const documents = existsSync(join(root, 'docs')) ? readdirSync(join(root, 'docs')).map((name) => `docs/${name}`) : [];
const examples = ['README.md', 'skills/busbar/SKILL.md', ...documents]
  .filter((name) => name.endsWith('.md') && existsSync(join(root, name)))
  .flatMap((name) => examplesOf(name, readFileSync(join(root, name), 'utf8')));

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

  for (const [index, { place, language, prints }] of examples.entries()) {
    it(`${place} - runs as it says`, async () => {
      const file = nameOf(index, language).replace(/\.mts$/, '.mjs');
      const { code, stdout, stderr } = await command(process.execPath, [file], { cwd: folder, timeoutMs: 9_000 });
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      if (prints !== undefined) expect(stdout.trim()).to.equal(prints.trim());
    });
  }
});
