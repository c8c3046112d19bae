import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Machines } from '../../examples/cluster/machines.ts';
import { command } from '../support/command.ts';
import { natsServer } from '../support/nats-server.ts';
import { root } from '../support/repository.ts';

const isPossible = natsServer !== undefined && Machines.areAllowed();

describe('example cluster', () => {
  (isPossible ? it : it.skip)(
    'three machines, one of which is unplugged for 10 s (root on Linux, with nats-server) - lose and double nothing, and agree again within 2 s',
    async () => {
      const main = join(root, 'build/examples/cluster/main.js');
      const { code, stdout, stderr } = await command(process.execPath, [main, '10'], { timeoutMs: 150_000 });
      expect({ code, stderr }, stdout).to.deep.equal({ code: 0, stderr: '' });
      const agreedMs = Number(stdout.match(/^all agree again after (\d+) ms$/m)?.[1]);
      expect(agreedMs, stdout).to.be.below(2_000);
      const counts = [...stdout.matchAll(/^\S+: sent (\d+), came (\d+), lost (\d+), doubled (\d+)$/gm)];
      expect(counts).to.have.length(3);
      for (const [, , came, lost, doubled] of counts) {
        expect(Number(came)).to.be.greaterThan(1_000);
        expect([lost, doubled]).to.deep.equal(['0', '0']);
      }
    },
  ).timeout(180_000);
});
