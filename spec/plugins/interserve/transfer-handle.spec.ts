import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ProgressMeter } from '../../../lib/plugins/interserve/transfer-handle.ts';
import { VirtualClock } from '../../../lib/testing/virtual-clock.ts';

describe('interserve progress', () => {
  it('reports - come at most ten times a second, and at the end', () => {
    const clock = new VirtualClock();
    const reports: number[] = [];
    const meter = new ProgressMeter(clock, (bytes) => reports.push(bytes));
    for (let ms = 1; ms <= 1000; ms++) {
      clock.advance(1);
      meter.moved(ms, ms === 1000);
    }
    expect(reports).to.have.lengthOf.within(9, 11);
    expect(reports.at(-1)).to.equal(1000);
  });
});
