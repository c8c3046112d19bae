import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { command } from '../support/command.ts';
import { root } from '../support/repository.ts';

interface Report {
  readonly stats: { readonly passes: number; readonly failures: number };
  readonly failures: readonly { readonly fullTitle: string; readonly err: { readonly message: string } }[];
}

describe('leak check', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'busbar-leak-'));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  /** What mocha says of a spec with this body and one after it, under the check. */
  async function run(body: string): Promise<Report> {
    const file = join(folder, 'sample.cjs');
    writeFileSync(
      file,
      `const net = require('node:net');\nit('sample', async () => {${body}});\nit('next', () => {});\n`,
    );
    const hooks = join(root, 'build/spec/support/leak-check.js');
    const args = ['--no-config', '--exit', '--timeout', '20000', '--require', hooks, '--reporter', 'json'];
    const mocha = join(root, 'node_modules/mocha/bin/mocha.js');
    const { stdout, stderr } = await command(process.execPath, [mocha, ...args, file], { cwd: folder });
    const text = stdout.slice(stdout.indexOf('{'));
    expect(text, stderr).to.not.equal('');
    return JSON.parse(text) as Report;
  }

  const leaks: Record<string, [body: string, message: RegExp]> = {
    'a server': ["await new Promise((done) => net.createServer().listen(0, '127.0.0.1', done));", /1 TCPServerWrap/],
    'a timer': ['setTimeout(() => {}, 60_000);', /1 Timeout/],
    'a child process': ["require('node:child_process').spawn('sleep', ['10']);", /1 ProcessWrap/],
    'an unhandled rejection': ["Promise.reject(new Error('lost')); await new Promise(setImmediate);", /lost/],
  };

  for (const [name, [body, message]] of Object.entries(leaks)) {
    it(`${name} - left by a spec fails it, and is named`, async () => {
      const { stats, failures } = await run(body);
      expect(stats.failures).to.be.greaterThan(0);
      expect(failures.map(({ err }) => err.message).join('; ')).to.match(message);
    });
  }

  it('what closes a moment later - does not fail the spec', async () => {
    const { stats } = await run(
      'const server = net.createServer(); await new Promise((done) => server.listen(0, done)); setTimeout(() => server.close(), 50);',
    );
    expect(stats).to.include({ passes: 2, failures: 0 });
  });
});
