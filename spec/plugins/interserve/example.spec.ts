import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { command } from '../../support/command.ts';

describe('interserve example', () => {
  it('a map to three players - arrives whole, though one road was cut in the middle', async () => {
    const program = fileURLToPath(new URL('../../../examples/transfer/main.js', import.meta.url));
    const { code, stdout, stderr } = await command(process.execPath, [program, '20']);
    expect(stdout)
      .to.match(/player \d: has the map, resumed 1 times/)
      .and.match(/3 x 20 MB .* 1 connection cut/);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
  });
});
