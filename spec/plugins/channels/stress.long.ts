import { expect } from 'chai';
import { describe, it } from 'mocha';
import { stress } from './stress.ts';

describe('channels under stress, long', () => {
  it('echoes - random chunks come back as they were for 20 s and 200 peers', async () => {
    const { echoed, channels, entered, faults } = await stress({ seconds: 20, peers: 200 });
    expect(faults).to.deep.equal([]);
    expect(echoed).to.be.greaterThan(5_000);
    expect(channels).to.be.greaterThan(100);
    expect(entered).to.be.greaterThan(1_000);
  });
});
