import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { root } from '../support/repository.ts';
import { type Bundle, bundle } from './bundle.ts';

/** Vite 5 to 7 make up to 160 bytes more of it, and no bundler is to make more than 25 KB. */
const maxBytes = 25 * 1024 - 160;
const generates = /\beval\s*\(|\bnew Function\b|\bFunction\s*\(/;

describe('browser bundle', () => {
  let made: Bundle;

  before(async () => {
    made = await bundle("export { Client } from 'busbar/browser'");
  });

  it('size - Client with its codec is at most 25 KB minified and gzipped', function () {
    const bytes = gzipSync(made.code, { level: 9 }).length;
    expect(bytes).to.be.at.most(maxBytes);
    expect(bytes).to.be.greaterThan(10_000);
    if (this.test !== undefined) this.test.title += ` (${bytes} bytes)`;
  });

  it('contents - nothing that a bundler warns of', () => {
    expect(made.warnings).to.deep.equal([]);
  });

  it('contents - generates no code', () => {
    expect(Buffer.from(made.code).toString()).to.not.match(generates);
  });
});

describe('build for pages', () => {
  const folder = join(root, 'dist/page');
  const maps = readdirSync(folder).filter((name) => name.endsWith('.map'));
  const modules = maps
    .flatMap((name) => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { sources: string[] }).sources)
    .map((source) => source.replace(/^(?:\.\.\/)*/, ''))
    .sort();

  it('modules - are of the layers that pages have, none of Node, of a package, or of a relay that listens', () => {
    const own = /^lib\/(?:(?:base|wire|session|bus|browser|plugins\/(?:channels|rpc))\/|transport\/memory-pipe\.ts$)/;
    expect(modules.length).to.be.greaterThan(50);
    expect(modules.filter((name) => !own.test(name))).to.deep.equal([]);
    expect(modules.filter((name) => /channels\/joint\/|relay-lane|topic-hub/.test(name))).to.deep.equal([]);
  });

  it('seams - their side for pages is there and the other one is not', () => {
    const { imports } = JSON.parse(readFileSync(join(root, 'lib/package.json'), 'utf8')) as {
      readonly imports: Record<string, Record<'browser' | 'default', string>>;
    };
    const fileOf = (target: string): string => target.replace(/^\./, 'lib').replace(/js$/, 'ts');
    expect(Object.keys(imports)).to.include('#codec');
    for (const [name, seam] of Object.entries(imports)) {
      // The module that collects the parts of a codec has no code of its own.
      if (name !== '#codec') expect(modules).to.include(fileOf(seam.browser));
      expect(modules).to.not.include(fileOf(seam.default));
    }
    for (const part of ['body-codec', 'client-handshake', 'decoder', 'encoder', 'slab']) {
      expect(modules.filter((name) => name.endsWith(`/${part}.ts`))).to.deep.equal([`lib/browser/${part}.ts`]);
    }
  });
});

describe('browser bundle with channels and remote objects', () => {
  /** What is left of a use of a name that is nowhere defined, but where it was looked for first. */
  const missing = /\(void 0\)[.([]|instanceof void 0/;
  const without = { Buffer: 'undefined', process: 'undefined', setImmediate: 'undefined' };
  let made: Bundle;
  let code: string;

  before(async () => {
    const names = ['busbar/browser', 'busbar/channels', 'busbar/rpc'];
    made = await bundle(names.map((name) => `export * from '${name}';`).join(''), without);
    code = Buffer.from(made.code).toString();
  });

  it('contents - nothing of Node, and nothing that a bundler warns of', () => {
    expect(made.warnings).to.deep.equal([]);
    expect(code).to.not.match(/['"]node:|\brequire\(/);
  });

  it('contents - Buffer, process and setImmediate are used only where they were found to exist', async () => {
    expect(code).to.not.match(missing);
    for (const use of ['Buffer.from("x")', 'new Buffer(1)', 'x instanceof Buffer', 'process.pid', 'setImmediate(x)']) {
      const { code: naive } = await bundle(`globalThis.y = (x) => ${use};`, without);
      expect(Buffer.from(naive).toString(), use).to.match(missing);
    }
  });

  it('contents - generates no code', () => {
    expect(code).to.not.match(generates);
  });

  it('size - is at most 45 KB minified and gzipped', function () {
    const bytes = gzipSync(made.code, { level: 9 }).length;
    expect(bytes).to.be.at.most(45 * 1024);
    if (this.test !== undefined) this.test.title += ` (${bytes} bytes in all)`;
  });
});
