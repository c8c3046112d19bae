import { expect } from 'chai';
import { describe, it } from 'mocha';
import { TokenBucket } from '../../lib/base/token-bucket.ts';

describe('token bucket', () => {
  it('has - as many as were saved up, and as time gives', () => {
    const bucket = new TokenBucket(1_000, 500, 0);
    expect(bucket.has(501, 0)).to.equal(false);
    expect(bucket.has(500, 0)).to.equal(true);
    expect(bucket.take(500, 0)).to.equal(0);
    expect(bucket.has(1, 0)).to.equal(false);
    expect(bucket.has(10, 9)).to.equal(false);
    expect(bucket.has(10, 10)).to.equal(true);
    expect(bucket.has(500, 60_000)).to.equal(true);
    expect(bucket.has(501, 120_000)).to.equal(false);
  });

  it('take - says how long to wait for what was not there', () => {
    const bucket = new TokenBucket(2_000, 100, 0);
    expect(bucket.take(100, 0)).to.equal(0);
    expect(bucket.take(50, 0)).to.equal(25);
    expect(bucket.take(50, 0)).to.equal(50);
    expect(bucket.take(0, 50)).to.equal(0);
    expect(bucket.take(20, 50)).to.equal(10);
  });

  it('take - is as much on average as it says', () => {
    const bucket = new TokenBucket(1_000, 10, 0);
    let now = 0;
    for (let taken = 0; taken < 10_000; taken += 100) now += bucket.take(100, now);
    expect(now).to.be.closeTo(9_990, 1);
  });

  it('clock - one that goes back gives nothing', () => {
    const bucket = new TokenBucket(1_000, 10, 1_000);
    bucket.take(10, 1_000);
    expect(bucket.has(1, 0)).to.equal(false);
  });
});
