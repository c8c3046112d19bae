import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { type Bundle, bundle } from './bundle.ts';

const maxBytes = 25 * 1024;

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
    expect(Buffer.from(made.code).toString()).to.not.match(/\beval\s*\(|\bnew Function\b|\bFunction\s*\(/);
  });

  it('stand-ins - take the place of the modules that package.json names', () => {
    for (const name of ['body-codec', 'record-layer', 'errors', 'event-emitter', 'retry', 'upgrade']) {
      expect(made.modules.filter((module) => module.endsWith(`/${name}.js`))).to.deep.equal([
        `dist/esm/browser/${name}.js`,
      ]);
    }
  });
});
