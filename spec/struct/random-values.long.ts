import { expect } from 'chai';
import { describe, it } from 'mocha';
import { throughBoth } from './random-values.ts';

describe('structs', () => {
  it('random values - of 10,000,000 each arrives equal, or is refused by code, closures and schema alike', function () {
    this.timeout(3_600_000);
    const { equal, refused } = throughBoth(10_000_000, 1_000_000);
    expect(equal).to.be.greaterThan(5_000_000);
    expect(refused).to.be.greaterThan(1_000_000);
  });
});
