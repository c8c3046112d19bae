import { expect } from 'chai';
import { describe, it } from 'mocha';
import { stress } from './stress.ts';

describe('channels under stress', () => {
  it('echoes - random chunks come back as they were while channels come and go, for bus and joint peers', async () => {
    const least = { echoed: 100, channels: 5, entered: 50 };
    const { echoed, channels, entered, faults } = await stress({ seconds: 2, peers: 200, least });
    expect(faults).to.deep.equal([]);
    expect(echoed).to.be.greaterThan(least.echoed);
    expect(channels).to.be.greaterThan(least.channels);
    expect(entered).to.be.greaterThan(least.entered);
  });
});
