import { expect } from 'chai';
import { describe, it } from 'mocha';
import { CreditReturn, CreditWindow } from '../../lib/base/credit.ts';

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
