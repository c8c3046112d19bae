import { expect } from 'chai';
import { describe, it } from 'mocha';
import { canonicalAddress, hostOf, isLoopback, isPort, unmapped } from '../../lib/base/ip.ts';

describe('ip addresses', () => {
  it('canonicalAddress - is one for all texts of an address', () => {
    expect(canonicalAddress('10.0.0.1')).to.equal('10.0.0.1');
    for (const text of ['::ffff:10.0.0.1', '::FFFF:10.0.0.1', '::ffff:a00:1', '0:0:0:0:0:ffff:0a00:0001']) {
      expect(canonicalAddress(text), text).to.equal('10.0.0.1');
    }
    for (const text of ['2001:DB8::1', '2001:db8:0:0:0:0:0:1', '2001:db8::1%eth0']) {
      expect(canonicalAddress(text), text).to.equal('2001:db8::1');
    }
    for (const text of ['', 'localhost', '10.0.0', '10.0.0.256', '[::1]', '/run/bus', '10.0.0.1:80', '1.2.3.4%0']) {
      expect(canonicalAddress(text), text).to.equal(undefined);
    }
  });

  it('unmapped - leaves all but mapped IPv4 addresses alone', () => {
    expect(['::ffff:1.2.3.4', '1.2.3.4', '::1', '::ffff:0:1', ''].map(unmapped)).to.deep.equal([
      '1.2.3.4',
      '1.2.3.4',
      '::1',
      '::ffff:0:1',
      '',
    ]);
  });

  it('isPort - takes whole numbers of 16 bits', () => {
    expect([0, 1, 80, 65_535].every(isPort)).to.equal(true);
    expect([-1, 0.5, 65_536, Number.NaN, Infinity, '80', null, undefined].some(isPort)).to.equal(false);
  });

  it('isLoopback - knows all of 127.0.0.0/8 and ::1, and nothing that looks like them', () => {
    for (const text of ['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '::ffff:7f00:1']) {
      expect(isLoopback(text), text).to.equal(true);
    }
    for (const text of ['128.0.0.1', '10.127.0.0', '::2', '127.evil.example', 'localhost', '']) {
      expect(isLoopback(text), text).to.equal(false);
    }
  });

  it('hostOf - is the network of 64 bits in IPv6, and all else as it is', () => {
    for (const [text, host] of [
      ['1.2.3.4', '1.2.3.4'],
      ['::ffff:1.2.3.4', '1.2.3.4'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::'],
      ['2001:db8:1:2::9', '2001:db8:1:2::'],
      ['2001:DB8::1', '2001:db8:0:0::'],
      ['fe80::1%eth0', 'fe80:0:0:0::'],
      ['::1', '0:0:0:0::'],
      ['', ''],
      ['/run/bus', '/run/bus'],
    ] as const) {
      expect(hostOf(text), text).to.equal(host);
    }
  });
});
