import { expect } from 'chai';
import { describe, it } from 'mocha';
import { AcceptList } from '../../../lib/plugins/dispatch/accept-list.ts';

describe('dispatch accept list', () => {
  const table: readonly [string, readonly string[], readonly string[]][] = [
    ['10.0.0.1', ['10.0.0.1', '::ffff:10.0.0.1'], ['10.0.0.2', '10.0.0.10', '::1', 'nonsense', '']],
    ['10.0.0.1, 10.0.0.2', ['10.0.0.1', '10.0.0.2'], ['10.0.0.3']],
    ['10.1.0.0/16', ['10.1.0.0', '10.1.255.255', '::ffff:10.1.2.3'], ['10.2.0.0', '::10.1.0.1']],
    ['0.0.0.0/0', ['1.2.3.4', '255.255.255.255'], ['::1']],
    ['::/0', ['::1', 'fe80::1%eth0'], ['1.2.3.4']],
    ['2001:DB8:0:0::1', ['2001:db8::1'], ['2001:db8::2']],
    ['2001:db8::/32', ['2001:db8:ffff::1'], ['2001:db9::1']],
    ['fe80::1', ['fe80::1%eth0', 'fe80::1'], ['fe80::2%eth0']],
    ['10.0.0.0/31', ['10.0.0.0', '10.0.0.1'], ['10.0.0.2']],
  ];
  for (const [text, inside, outside] of table) {
    it(`"${text}" - takes ${inside.join(' ')} and not ${outside.join(' ')}`, () => {
      const list = AcceptList.parse(text);
      for (const address of [...inside, ...inside]) expect(list.matches(address), address).to.equal(true);
      for (const address of [...outside, ...outside]) expect(list.matches(address), address).to.equal(false);
    });
  }

  it('doubles - count once', () => {
    expect(AcceptList.parse(['10.0.0.1', '10.0.0.1', ' 10.0.0.1 ']).entries).to.deep.equal(['10.0.0.1']);
  });

  const refused: readonly [unknown, string][] = [
    ['', 'is not an IP address'],
    ['10.0.0.1,', 'is not an IP address'],
    ['localhost', '"localhost" is not an IP address'],
    ['10.0.0.256', '"10.0.0.256" is not an IP address'],
    ['10.0.0.0/33', 'invalid prefix length for IPv4'],
    ['::/129', 'invalid prefix length for IPv6'],
    ['10.0.0.0/', 'invalid prefix length'],
    ['10.0.0.0/8/8', 'is not an IP address'],
    ['10.0.0.0/-1', 'invalid prefix length'],
    [[], 'accept names no address'],
    [[1], 'accept must be a list'],
    [undefined, 'accept must be a list'],
    [Array.from({ length: 1_025 }, (_, index) => `10.0.${index >> 8}.${index & 255}`), 'at most 1024 entries'],
  ];
  for (const [given, reason] of refused) {
    it(`${JSON.stringify(given)?.slice(0, 40)} - is refused: ${reason}`, () => {
      expect(() => AcceptList.parse(given))
        .to.throw(reason)
        .with.property('code', 'ERR_INVALID_ARGUMENT');
    });
  }
});
