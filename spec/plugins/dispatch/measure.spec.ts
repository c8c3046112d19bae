import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import { command } from '../../support/command.ts';

const measure = fileURLToPath(new URL('../../../bench/dispatch/measure.js', import.meta.url));

describe('dispatch measured', () => {
  it('the quick form - runs, and no datagram is unaccounted for', async () => {
    const { code, stdout, stderr } = await command(process.execPath, [measure, '--quick'], { timeoutMs: 30_000 });
    expect([code, stderr]).to.deep.equal([0, '']);
    const lines = stdout.trim().split('\n');
    expect(lines[0]).to.match(
      /^TCP to WebSocket, writes of 65536: bare \d+ MB\/s, dispatch \d+ MB\/s, ratio [\d.]+, driver on the bus \d+ MB\/s$/,
    );
    expect(lines[2]).to.include('200 devices: opened 200, heard 200, closed 200');
    expect(lines.slice(3)).to.have.length(2);
    for (const line of lines.slice(3)) expect(line).to.match(/unaccounted 0$/);
  }).timeout(40_000);
});
