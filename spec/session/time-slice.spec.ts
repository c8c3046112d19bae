import { expect } from 'chai';
import { describe, it } from 'mocha';
import { TimeSlice } from '../../lib/session/time-slice.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';

describe('the time of one link', () => {
  it('8 ms in a turn - then what comes has to wait for another one, whatever was done meanwhile', async () => {
    const clock = new VirtualClock();
    const slice = new TimeSlice(clock);
    expect(slice.begin(100)).to.equal(true);
    expect(slice.goesOn(104)).to.equal(true);
    expect(slice.begin(104.5)).to.equal(true);
    expect(slice.goesOn(108.5)).to.equal(false);
    expect(slice.begin(108.6)).to.equal(false);
    // Its handlers took their time.
    expect(slice.begin(150)).to.equal(false);
    await clock.run(1);
    expect(slice.begin(151)).to.equal(true);
    expect(slice.goesOn(159)).to.equal(true);
    expect(slice.goesOn(159.5)).to.equal(false);
    await clock.run(1);
    expect(clock.pending).to.equal(0);
  });
});
