import { expect } from 'chai';
import { describe, it } from 'mocha';
import { roll } from './rolling.ts';

describe('rolling restart under load', function () {
  this.timeout(60_000).slow(8_000);

  it('four processes - no call fails, and no message is lost or comes twice', async () => {
    const { rolling } = await roll(1, 4, 1, 100, 0);
    expect(rolling.length).to.be.above(0);
  });
});
