import { expect } from 'chai';
import { describe, it } from 'mocha';
import { IdleTimeout } from '../../../lib/plugins/interserve/idle-timeout.ts';
import { VirtualClock } from '../../../lib/testing/virtual-clock.ts';

describe('interserve idle timeout', () => {
  it('a timeout - expires once after its time without a touch, and not before', () => {
    const clock = new VirtualClock();
    let expiries = 0;
    const timeout = new IdleTimeout(clock, 1000, () => (expiries += 1));
    timeout.touch();
    clock.advance(900);
    timeout.touch();
    clock.advance(999);
    expect(expiries).to.equal(0);
    clock.advance(1);
    expect(expiries).to.equal(1);
    clock.advance(10_000);
    expect(expiries).to.equal(1);
    expect(clock.pending).to.equal(0);
  });

  it('a timeout - stopped stays silent and leaves no timer', () => {
    const clock = new VirtualClock();
    const timeout = new IdleTimeout(clock, 1000, () => expect.fail('expired'));
    timeout.touch();
    timeout.stop();
    clock.advance(5000);
    expect(clock.pending).to.equal(0);
  });
});
