import { expect } from 'chai';
import { describe, it } from 'mocha';
import { throughBoth } from './random-values.ts';

describe('structs', () => {
  it('random values - of 30,000 each arrives equal, or is refused by code, closures and schema alike', function () {
    this.timeout(600_000);
    const { equal, refused } = throughBoth(30_000, 1);
    expect(equal).to.be.greaterThan(15_000);
    expect(refused).to.be.greaterThan(3_000);
  });
});
