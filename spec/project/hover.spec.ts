import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from '@typescript/typescript6';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { root } from '../support/repository.ts';

const file = join(root, 'spec/project/hovered.ts');
/** What an editor shows of each member is looked up behind its mark. */
const program = `
import { Client, Server } from '../../dist/index.js';
import { services } from '../../dist/services.js';
const server = new Server({ /*a*/maxMessageBytes: 1, /*b*/slowConsumer: 'wait' });
server.use(services({ /*c*/waitMs: 1 }));
new Client({ /*d*/reconnect: true });
`;

function hovers(): Map<string, string> {
  const host: ts.LanguageServiceHost = {
    getScriptFileNames: () => [file],
    getScriptVersion: () => '1',
    getScriptSnapshot: (name) => {
      const text = name === file ? program : ts.sys.readFile(name);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => root,
    getCompilationSettings: () => ({ module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, types: ['node'] }),
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (name) => name === file || ts.sys.fileExists(name),
    readFile: (name) => (name === file ? program : ts.sys.readFile(name)),
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
  };
  const service = ts.createLanguageService(host);
  const found = [...program.matchAll(/\/\*\w\*\/(\w+)/g)].map(({ index, 1: name = '' }): [string, string] => {
    const { documentation, tags } = service.getQuickInfoAtPosition(file, index + '/*a*/'.length + 1) ?? {};
    const text = (tags ?? []).map((tag) => `@${tag.name} ${ts.displayPartsToString(tag.text)}`).join(' ');
    return [name, `${ts.displayPartsToString(documentation)} ${text}`];
  });
  service.dispose();
  return new Map(found);
}

describe('hover texts', () => {
  it('options - say what they mean and their default, in the package', () => {
    const shown = hovers();
    expect(shown.get('maxMessageBytes')).to.match(/^Largest accepted message.* @default 16_777_216$/);
    expect(shown.get('slowConsumer')).to.match(/@default 'wait'$/);
    expect(shown.get('waitMs')).to.match(/@default 5_000$/);
    expect(shown.get('reconnect')).to.match(/@default true$/);
  });

  it('declarations - have the defaults that the tables have', async () => {
    const { serverOptions } = (await import(pathToFileURL(join(root, 'build/lib/bus/options.js')).href)) as {
      readonly serverOptions: Readonly<Record<string, { readonly default: unknown }>>;
    };
    const declared = readFileSync(join(root, 'dist/core.d.ts'), 'utf8');
    const table = /declare const serverOptions: \{([\s\S]*?)\n\};/.exec(declared)?.[1] ?? '';
    const numbers = Object.entries(serverOptions).filter(([, row]) => Number.isSafeInteger(row.default));
    expect(numbers.length).to.be.greaterThan(10);
    for (const [name, row] of numbers) {
      const before = table.slice(0, table.search(new RegExp(`\\b${name}: `)));
      const said = /@default ([\d_]+)\n\s*\*\/\s*(?:readonly )?$/.exec(before)?.[1];
      expect(Number(said?.replaceAll('_', '')), name).to.equal(row.default);
    }
  });
});
