import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ordersThroughFaults } from '../../examples/testing/orders-through-faults.ts';

describe('example of a service under test', () => {
  it('100 orders over 20 failing networks - are taken once each', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { confirmed, left, links } = await ordersThroughFaults(seed);
      expect({ seed, confirmed, left }).to.deep.equal({ seed, confirmed: 100, left: 900 });
      expect(links).to.be.above(1);
    }
  });

  it('a seed - gives the same outcome each time', async () => {
    expect(await ordersThroughFaults(3)).to.deep.equal(await ordersThroughFaults(3));
  });
});
