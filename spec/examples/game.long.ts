import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { command } from '../support/command.ts';
import { root } from '../support/repository.ts';

describe('example game, to its end over TCP', () => {
  it('a zone is killed and every process restarted - with nothing lost', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'game-'));
    try {
      const args = [join(root, 'build/examples/game/main.js'), '--seconds', '2', '--bots', '5', '--tcp'];
      const env = { ...process.env, TMPDIR: folder };
      const { code, stdout, stderr } = await command(process.execPath, args, { env, timeoutMs: 110_000 });
      expect({ code, stderr }, stdout).to.deep.equal({ code: 0, stderr: '' });
      expect(stdout).to.contain('Lost: 0 of');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }).timeout(120_000);
});
