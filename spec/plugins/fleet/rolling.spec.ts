import { expect } from 'chai';
import { describe, it } from 'mocha';
import { roll } from './rolling.ts';

describe('rolling restart under load', function () {
  this.timeout(60_000).slow(8_000);

  it('four processes - no call fails, and no message is lost or comes twice', async () => {
    const { slowestMs } = await roll(1, 4, 2, 200);
    expect(slowestMs).to.be.below(5_000);
  });
});
