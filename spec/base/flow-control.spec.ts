import { expect } from 'chai';
import { describe, it } from 'mocha';
import { CreditReturn, CreditWindow, TokenBucket } from '../../lib/base/flow-control.ts';

describe('credit window', () => {
  it('sender - is stopped at the limit and goes on at half of it', () => {
    const window = new CreditWindow(100);
    expect([window.full, window.roomy]).to.deep.equal([false, true]);
    window.take(99);
    expect([window.full, window.roomy]).to.deep.equal([false, false]);
    window.take(50);
    expect([window.used, window.full]).to.deep.equal([149, true]);
    window.grant(60);
    expect([window.full, window.roomy]).to.deep.equal([false, false]);
    window.grant(39);
    expect([window.used, window.roomy]).to.deep.equal([50, true]);
  });

  it('grants - never make more room than the limit', () => {
    const window = new CreditWindow(100);
    window.take(10);
    window.grant(1_000_000);
    expect(window.used).to.equal(0);
    window.take(100);
    expect(window.full).to.equal(true);
  });

  it('window - may begin without any credit', () => {
    const window = new CreditWindow(100, 100);
    expect(window.full).to.equal(true);
    window.grant(40);
    expect([window.full, window.used]).to.deep.equal([false, 60]);
  });
});

describe('credit return', () => {
  it('portions - are granted as soon as they are whole, all of what is owed', () => {
    const owed = new CreditReturn(25);
    expect([10, 14, 1, 24, 100].map((amount) => owed.add(amount))).to.deep.equal([0, 0, 25, 0, 124]);
  });
});

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
