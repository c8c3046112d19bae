import { expect } from 'chai';
import { describe, it } from 'mocha';
import { parseProxyHeader } from '../../../lib/plugins/dispatch/proxy-header.ts';

const signature = '0d0a0d0a000d0a515549540a';
const binary = (rest: string): Buffer => Buffer.from(signature + rest, 'hex');

const good: readonly [string, Buffer, { address: string; port: number } | undefined][] = [
  [
    'version 1, IPv4',
    Buffer.from('PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n'),
    { address: '192.168.0.1', port: 56_324 },
  ],
  ['version 1, IPv6', Buffer.from('PROXY TCP6 2001:db8::1 ::1 1 65535\r\n'), { address: '2001:db8::1', port: 1 }],
  ['version 1, unknown', Buffer.from('PROXY UNKNOWN anything at all\r\n'), undefined],
  [
    'version 2, IPv4',
    binary('2111000c' + 'c0a80001' + 'c0a8000b' + 'dc04' + '01bb'),
    { address: '192.168.0.1', port: 56_324 },
  ],
  [
    'version 2, IPv6',
    binary(`21210024${'20010db8000000000000000000000001'}${'0'.repeat(32)}${'0001'}${'01bb'}`),
    { address: '2001:db8:0:0:0:0:0:1', port: 1 },
  ],
  [
    'version 2, with extensions',
    binary('21110010' + '0a000001' + '0a000002' + '0001' + '0002' + '04000100'),
    { address: '10.0.0.1', port: 1 },
  ],
  ['version 2, the balancer itself', binary('20000000'), undefined],
  ['version 2, a family without addresses', binary('21000000'), undefined],
];

const bad: readonly [string, Buffer, string][] = [
  ['a request without a header', Buffer.from('GET / HTTP/1.1\r\n'), 'does not begin'],
  ['a name that is none', Buffer.from('PROXY HTTP 1.2.3.4 1.2.3.4 1 1\r\n'), 'the protocol'],
  ['an address of another family', Buffer.from('PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n'), 'not an address of that family'],
  ['a port over the range', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n'), 'ports'],
  ['a missing port', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n'), 'ports'],
  ['an endless line', Buffer.alloc(200, 'PROXY UNKNOWN ........'), 'longer than 107'],
  ['version 3', binary('31110000'), 'version 3'],
  ['an unknown command', binary('2211000c'), 'command 2'],
  ['addresses cut short', binary('21110004' + '0a000001'), 'cut short'],
  ['an announced length over the limit', binary('2111ffff'), 'longer than 4096'],
];

describe('dispatch PROXY header', () => {
  for (const [name, bytes, source] of good) {
    it(`${name} - names the source, ends where it ends, and any part of it is incomplete`, () => {
      const followed = Buffer.concat([bytes, Buffer.from('device data')]);
      expect(parseProxyHeader(followed)).to.deep.equal({ state: 'complete', length: bytes.length, source });
      for (let length = 0; length < bytes.length; length++) {
        expect(parseProxyHeader(bytes.subarray(0, length)).state, `${length} bytes`).to.equal('incomplete');
      }
    });
  }
  for (const [name, bytes, reason] of bad) {
    it(`${name} - is malformed: ${reason}`, () => {
      const header = parseProxyHeader(bytes);
      expect(header.state).to.equal('malformed');
      expect(header.state === 'malformed' && header.reason).to.include(reason);
    });
  }
});
