import { expect } from 'chai';
import { describe, it } from 'mocha';
import { TimeSlice } from '../../lib/session/time-slice.ts';

describe('the time of one link', () => {
  it('8 ms in a turn - then what comes has to wait for another one', () => {
    const slice = new TimeSlice();
    expect(slice.begin(100, false)).to.equal(true);
    expect(slice.goesOn(104)).to.equal(true);
    expect(slice.begin(104.5, false)).to.equal(true);
    expect(slice.goesOn(108.5)).to.equal(false);
    expect(slice.begin(108.6, false)).to.equal(false);
    slice.end();
    expect(slice.begin(108.7, false)).to.equal(true);
    expect(slice.goesOn(116)).to.equal(true);
  });

  it('a millisecond in which nothing comes - begins a turn', () => {
    const slice = new TimeSlice();
    slice.begin(0, false);
    slice.goesOn(7);
    expect(slice.begin(8.5, false)).to.equal(true);
    expect(slice.goesOn(16)).to.equal(true);
    expect(slice.begin(16.9, false)).to.equal(false);
  });

  it('a pause in a turn - in which handlers took their time, begins none', () => {
    const slice = new TimeSlice();
    slice.begin(100, false);
    expect(slice.goesOn(104)).to.equal(true);
    expect(slice.begin(130, true)).to.equal(false);
    slice.end();
    expect(slice.begin(131, false)).to.equal(true);
  });
});
