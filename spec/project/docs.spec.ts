import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { errorCodes } from '../../lib/base/errors.ts';
import { command } from '../support/command.ts';
import { root } from '../support/repository.ts';

type OptionTable = Readonly<Record<string, { readonly type: string }>>;

/** The cells of every table row under a `table:` marker. */
function tableRows(document: string, marker: string): string[][] {
  const text = readFileSync(join(root, document), 'utf8');
  const [, after = ''] = text.split(`<!-- table: ${marker} -->`);
  const [table = ''] = after.split('<!-- end of table -->');
  const lines = table.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll('\\|', '|')),
  );
}

function isOptionTable(value: unknown): value is OptionTable {
  if (typeof value !== 'object' || value === null) return false;
  const rows: unknown[] = Object.values(value);
  return rows.length > 0 && rows.every((row) => typeof row === 'object' && row !== null && 'accepts' in row);
}

/** Every options table of lib/, under the name a document gives it. */
async function optionTables(): Promise<Map<string, OptionTable>> {
  const found = new Map<string, OptionTable>();
  const lib = join(root, 'build/lib');
  for (const file of readdirSync(lib, { recursive: true, encoding: 'utf8' })) {
    if (!/(?:options|settings|limits)[^/]*\.js$/.test(file)) continue;
    const module = (await import(pathToFileURL(join(lib, file)).href)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(module)) {
      if (isOptionTable(value)) found.set(`${file.replace(/\.js$/, '')} ${name}`, value);
    }
  }
  return found;
}

function isPartOfAnother(table: OptionTable, tables: ReadonlyMap<string, OptionTable>): boolean {
  const rows = Object.entries(table);
  return [...tables.values()].some((other) => other !== table && rows.every(([name, row]) => other[name] === row));
}

describe('documents', () => {
  let options: Map<string, OptionTable>;
  let documents: string[];

  before(async () => {
    options = await optionTables();
    documents = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
    documents = ['README.md', 'skills/busbar/SKILL.md', ...documents.map((name) => `docs/${name}`)].filter((name) =>
      existsSync(join(root, name)),
    );
  });

  it('errors - the table has every code with its sentence, and no other', () => {
    const rows = tableRows('docs/errors.md', 'base/errors errorCodes');
    expect(Object.fromEntries(rows.map(([code = '', sentence]) => [code.replaceAll('`', ''), sentence]))).to.deep.equal(
      errorCodes,
    );
  });

  it('errors - every code that a document names exists', () => {
    const unknown = documents.flatMap((name) =>
      [...readFileSync(join(root, name), 'utf8').matchAll(/\bERR_[A-Z_]+\b/g)]
        .map(([code]) => code)
        .filter(
          (code) => !Object.hasOwn(errorCodes, code) && !/^ERR_(?:HTTP|TLS|SSL|SOCKET|REQUIRE|STREAM)_/.test(code),
        )
        .map((code) => `${name}: ${code}`),
    );
    expect(unknown).to.deep.equal([]);
  });

  it('options - every table of the code stands in a document, row by row', () => {
    for (const [marker, table] of options) {
      if (isPartOfAnother(table, options)) continue;
      const [document] = documents.filter((name) =>
        readFileSync(join(root, name), 'utf8').includes(`<!-- table: ${marker} -->`),
      );
      expect(document, `a document with <!-- table: ${marker} -->`).to.be.a('string');
      const rows = tableRows(document ?? '', marker);
      const names = rows.map(([option = '']) => option.replaceAll('`', ''));
      expect(names, marker).to.deep.equal(Object.keys(table));
      expect(rows.map(([, , , meaning]) => meaning)).to.not.include('');
    }
  });

  it('tables, exports and API reports - are as generated from the code', async () => {
    const options = { cwd: root, timeoutMs: 90_000 };
    const { stderr, code } = await command(process.execPath, ['scripts/generate.mjs', '--check'], options);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
  });

  it('links - between documents lead to a file', () => {
    const dead = documents.flatMap((name) =>
      [...readFileSync(join(root, name), 'utf8').matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !existsSync(join(root, name, '..', target)))
        .map((target) => `${name} -> ${target}`),
    );
    expect(dead).to.deep.equal([]);
  });
});
