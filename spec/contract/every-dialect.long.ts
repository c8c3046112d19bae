import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { command } from '../support/command.ts';
import { root } from '../support/repository.ts';

/** What `npm test` shows of these in a few dialects only. */
describe('the expectations of all transports', () => {
  for (const kind of ['tcp', 'tls', 'child', 'worker']) {
    it(`${kind} - meets them in every dialect`, async () => {
      const folder = join(root, 'build/spec/contract');
      const files = readdirSync(folder).filter((name) => name.endsWith('.spec.js'));
      const mocha = join(root, 'node_modules/mocha/bin/mocha.js');
      const args = [mocha, '--grep', ` - ${kind},`, ...files.map((name) => join(folder, name))];
      const env = { ...process.env, BUSBAR_CONTRACT: 'all' };
      const { code, stdout } = await command(process.execPath, args, { cwd: root, env, timeoutMs: 1_200_000 });
      expect(code, stdout.slice(-4_000)).to.equal(0);
      expect(Number(/(\d+) passing/.exec(stdout)?.[1])).to.be.above(700);
    });
  }
});
