import { expect } from 'chai';
import { describe, it } from 'mocha';
import { stress } from './stress.ts';

describe('channels under stress', () => {
  it('echoes - random chunks come back as they were while channels come and go, for bus and joint peers', async () => {
    const { echoed, channels, entered, faults } = await stress({ seconds: 2, peers: 200 });
    expect(faults).to.deep.equal([]);
    expect(echoed).to.be.greaterThan(100);
    expect(channels).to.be.greaterThan(5);
    expect(entered).to.be.greaterThan(50);
  });
});
