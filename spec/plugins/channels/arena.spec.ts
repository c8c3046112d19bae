import { expect } from 'chai';
import { describe, it } from 'mocha';
import { playArena } from '../../../examples/arena/arena.ts';
import { offlineNetwork, tcpNetwork } from '../../../examples/arena/network.ts';
import { readSettings } from '../../../examples/arena/settings.ts';

describe('the arena', () => {
  const settings = readSettings(['--seconds', '1', '--bots', '8', '--arenas', '2']);
  const never = new AbortController().signal;

  for (const [name, open] of [
    ['offline', () => Promise.resolve(offlineNetwork(5))],
    ['over TCP', tcpNetwork],
  ] as const) {
    it(`plays ${name} - and every snapshot arrives in order`, async () => {
      const network = await open();
      try {
        const { text, sound } = await playArena(network, settings, never);
        expect(sound, text).to.equal(true);
        expect(text).to.match(/snapshots seen\s+[1-9]\d+, 0 missing/);
      } finally {
        await network.close();
      }
    });
  }

  it('settings - what is wrong is said by name', () => {
    expect(() => readSettings(['--bots', '0'])).to.throw('--bots takes a whole number from 1 to 200, not "0"');
    expect(readSettings([]).networks).to.deep.equal(['offline', 'tcp']);
    expect(readSettings(['--tcp']).networks).to.deep.equal(['tcp']);
  });
});
