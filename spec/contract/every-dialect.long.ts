import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { command } from '../support/command.ts';
import { root } from '../support/repository.ts';

/** What `npm test` shows of these in a few dialects, or over few transports, only. */
describe('the expectations of all transports', () => {
  const mocha = join(root, 'node_modules/mocha/bin/mocha.js');
  const run = async (args: readonly string[], least: number): Promise<void> => {
    const env = { ...process.env, BUSBAR_CONTRACT: 'all' };
    const { code, stdout } = await command(process.execPath, [mocha, ...args], {
      cwd: root,
      env,
      timeoutMs: 1_200_000,
    });
    expect(code, stdout.slice(-4_000)).to.equal(0);
    expect(Number(/(\d+) passing/.exec(stdout)?.[1])).to.be.above(least);
  };

  for (const kind of ['unix', 'tcp', 'tls', 'child', 'worker']) {
    it(`${kind} - meets them in every dialect`, () => {
      const folder = join(root, 'build/spec/contract');
      const files = readdirSync(folder).filter((name) => name.endsWith('.spec.js'));
      return run(['--grep', ` - ${kind},`, ...files.map((name) => join(folder, name))], 700);
    });
  }

  it('remote objects - let go of what they export over all of them', () =>
    run([join(root, 'build/spec/plugins/rpc/lifetimes.spec.js')], 300));
});
