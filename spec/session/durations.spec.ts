import { expect } from 'chai';
import { describe, it } from 'mocha';
import { HandlerTimes, RoundTrips, handlerBoundsMs } from '../../lib/session/durations.ts';
import { SeededRandom } from '../../lib/testing/seeded-random.ts';

describe('durations', () => {
  it('round trips - a quantile is at most 25 % above the exact one, and never below it', () => {
    const random = new SeededRandom(7);
    const times: number[] = [];
    const trips = new RoundTrips();
    for (let i = 0; i < 5_000; i++) {
      const ms = 10 ** (random.unit() * 7 - 3);
      times.push(ms);
      trips.add(ms);
    }
    times.sort((a, b) => a - b);
    for (const share of [0.001, 0.1, 0.5, 0.9, 0.99, 1]) {
      const exact = times[Math.ceil(times.length * share) - 1] as number;
      // Counted in whole microseconds.
      expect(trips.quantile(share)).to.be.within(exact - 0.001, exact * 1.25 + 0.002);
    }
    expect(trips.min).to.equal(times[0]);
    expect(trips.count).to.equal(5_000);
  });

  it('round trips - merged they are as if counted together', () => {
    const [all, one, other] = [new RoundTrips(), new RoundTrips(), new RoundTrips()];
    for (const ms of [0.5, 3, 70]) for (const trips of [all, one]) trips.add(ms);
    for (const ms of [0.1, 900]) for (const trips of [all, other]) trips.add(ms);
    one.merge(other);
    expect(one).to.deep.equal(all);
  });

  it('round trips - none, an instant one and one of a year have quantiles', () => {
    const trips = new RoundTrips();
    expect(trips.quantile(0.99)).to.equal(0);
    trips.add(0);
    expect(trips.quantile(1)).to.be.below(0.01);
    trips.add(31_536_000_000);
    expect(trips.quantile(1)).to.be.finite;
  });

  it('times of handlers - each is counted in the first bucket with a bound that is not below it', () => {
    const times = new HandlerTimes();
    for (const bound of handlerBoundsMs) times.add(bound);
    expect(times.buckets).to.deep.equal([...handlerBoundsMs.map(() => 1), 0]);
    times.add(10_000.5);
    expect(times.buckets.at(-1)).to.equal(1);
    const both = new HandlerTimes();
    both.merge(times);
    both.merge(times);
    expect(both.count).to.equal(2 * times.count);
    expect(both.sum).to.equal(2 * times.sum);
    expect(both.buckets.at(-1)).to.equal(2);
  });
});
