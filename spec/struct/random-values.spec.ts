import { expect } from 'chai';
import { describe, it } from 'mocha';
import { throughBoth } from './random-values.ts';

describe('structs', () => {
  it('random values - of 100,000 each arrives equal, or is refused by code, closures and schema alike', function () {
    this.timeout(600_000);
    const { equal, refused } = throughBoth(100_000, 1);
    expect(equal).to.be.greaterThan(50_000);
    expect(refused).to.be.greaterThan(10_000);
  });
});
