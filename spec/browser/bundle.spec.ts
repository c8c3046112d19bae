import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { type Bundle, bundle } from './bundle.ts';

const maxBytes = 25 * 1024;
const generates = /\beval\s*\(|\bnew Function\b|\bFunction\s*\(/;

describe('browser bundle', () => {
  let made: Bundle;

  before(async () => {
    made = await bundle("export { Client } from './dist/esm/browser/index.js'");
  });

  it('size - Client with its codec is at most 25 KB minified and gzipped', function () {
    const bytes = gzipSync(made.code, { level: 9 }).length;
    expect(bytes).to.be.at.most(maxBytes);
    expect(bytes).to.be.greaterThan(10_000);
    if (this.test !== undefined) this.test.title += ` (${bytes} bytes)`;
  });

  it('contents - no module of Node, no stand-in for one, and nothing that a bundler warns of', () => {
    expect(made.warnings).to.deep.equal([]);
    expect(made.modules.filter((name) => !/^dist\/esm\/(?:base|wire|session|bus|browser)\//.test(name))).to.deep.equal([
      '<stdin>',
    ]);
  });

  it('contents - generates no code', () => {
    expect(Buffer.from(made.code).toString()).to.not.match(generates);
  });

  it('stand-ins - take the place of the modules that package.json names', () => {
    for (const name of [
      'body-codec',
      'json-depth',
      'broadcast-frame',
      'record-layer',
      'errors',
      'event-emitter',
      'retry',
      'upgrade',
    ]) {
      expect(made.modules.filter((module) => module.endsWith(`/${name}.js`))).to.deep.equal([
        `dist/esm/browser/${name}.js`,
      ]);
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
    const names = ['browser/index', 'plugins/channels/index', 'plugins/rpc/index'];
    made = await bundle(names.map((name) => `export * from './dist/esm/${name}.js';`).join(''), without);
    code = Buffer.from(made.code).toString();
  });

  it('contents - no module of Node, no package, nothing of a relay that listens, and nothing that a bundler warns of', () => {
    expect(made.warnings).to.deep.equal([]);
    const own = /^dist\/esm\/(?:base|wire|session|bus|browser|plugins\/(?:channels|rpc))\//;
    expect(made.modules.filter((name) => !own.test(name))).to.deep.equal(['<stdin>']);
    expect(made.modules.filter((name) => /joint-server|websocket-pipe|bus-side|topic-hub/.test(name))).to.deep.equal(
      [],
    );
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

  it('size - what channels and remote objects add is less than the client again', function () {
    const bytes = gzipSync(made.code, { level: 9 }).length;
    expect(bytes).to.be.at.most(2 * maxBytes);
    if (this.test !== undefined) this.test.title += ` (${bytes} bytes in all)`;
  });
});
