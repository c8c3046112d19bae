import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Redaction } from '../../lib/base/redaction.ts';

describe('Redaction', () => {
  it('masks what the paths name, wherever it is', () => {
    const redaction = new Redaction(['password', 'card.number']);
    const given = { password: 1, number: 2, list: [{ card: { number: 3 } }], in: new Map([['password', 4]]) };
    expect(redaction.show(given)).to.deep.equal({
      data: {
        password: '[redacted]',
        number: 2,
        list: [{ card: { number: '[redacted]' } }],
        in: { password: '[redacted]' },
      },
      cut: false,
    });
    expect(given.password).to.equal(1);
  });

  it('cuts what is long, deep, or much', () => {
    const redaction = new Redaction([]);
    const long = redaction.show('x'.repeat(10_000));
    expect(long.cut).to.equal(true);
    expect(String(long.data).length).to.be.lessThan(300);
    let deep: object = {};
    for (let level = 0; level < 1_000; level++) deep = { deep };
    expect(redaction.show(deep).cut).to.equal(true);
    const wide = Array.from({ length: 1_000 }, () => Array.from({ length: 1_000 }, () => 1));
    expect(JSON.stringify(redaction.show(wide).data).length).to.be.lessThan(5_000);
  });

  it('survives what throws when it is looked at, and shows what JSON has no form for', () => {
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    const hostile = {
      get trap(): never {
        throw new Error('trap');
      },
    };
    const redaction = new Redaction([]);
    expect(redaction.show(cyclic).cut).to.equal(true);
    expect(redaction.show([hostile, 7n, Number.NaN, new Uint8Array(5), new Error('no')]).data).to.deep.equal([
      '[unreadable]',
      '7',
      'NaN',
      '[5 bytes]',
      { name: 'Error', message: 'no' },
    ]);
    expect(() => JSON.stringify(redaction.show(JSON.parse('{"__proto__": {"x": 1}}')).data)).to.not.throw();
  });
});
