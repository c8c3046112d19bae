import { expect } from 'chai';
import { describe, it } from 'mocha';
import { retryDelayMs } from '../../lib/base/backoff.ts';
import type { Random } from '../../lib/base/random.ts';

const always = (unit: number): Random => ({ unit: () => unit, bytes: (count) => new Uint8Array(count) });
const almostOne = 1 - Number.EPSILON;

describe('backoff', () => {
  it('the ceiling - grows by 500 ms an attempt, to the longest wait', () => {
    const ceilings = [1, 2, 3, 10, 19, 20, 21, 1_000].map((attempt) =>
      Math.round(retryDelayMs(attempt, 10_000, always(almostOne))),
    );
    expect(ceilings).to.deep.equal([500, 1_000, 1_500, 5_000, 9_500, 10_000, 10_000, 10_000]);
  });

  it('without chance - is the ceiling itself', () => {
    const waits = [1, 2, 19, 21].map((attempt) => retryDelayMs(attempt, 10_000, undefined));
    expect(waits).to.deep.equal([500, 1_000, 9_500, 10_000]);
    expect(retryDelayMs(1, 50, undefined)).to.equal(100);
  });

  it('the floor - is 100 ms for every attempt', () => {
    for (const attempt of [1, 5, 100]) expect(retryDelayMs(attempt, 10_000, always(0))).to.equal(100);
  });

  it('a longest wait below the first step - is kept, and never less than 100 ms', () => {
    expect(Math.round(retryDelayMs(1, 200, always(almostOne)))).to.equal(200);
    expect(retryDelayMs(1, 50, always(0.5))).to.equal(100);
  });

  it('a longest wait of Infinity - goes on growing', () => {
    expect(retryDelayMs(1_000, Infinity, always(0.5))).to.equal(100 + 0.5 * (500_000 - 100));
  });

  it('jitter - covers the whole range, at the cap too', () => {
    const delays = [0, 0.25, 0.5, 0.75].map((unit) => retryDelayMs(50, 10_000, always(unit)));
    expect(delays).to.deep.equal([100, 2_575, 5_050, 7_525]);
  });
});
