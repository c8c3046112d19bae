import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  type AddressOptions,
  formatAddress,
  maxUnixPathBytes,
  parseAddress,
  resolveAddress,
} from '../../lib/transport/address.ts';

const windows = process.platform === 'win32';
const local = (path: string) => ({ kind: 'unix', path });
const memory = (name: string, netLag = 0, netSpeed = Number.POSITIVE_INFINITY) => ({
  kind: 'memory',
  name,
  netLag,
  netSpeed,
});

function code(task: () => unknown): string {
  try {
    task();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'none';
}

describe('address - text', () => {
  const readable: [string, object][] = [
    ['localhost:8333', { kind: 'tcp', host: 'localhost', port: 8333 }],
    ['tcp:localhost:8333', { kind: 'tcp', host: 'localhost', port: 8333 }],
    ['tcp://127.0.0.1:0', { kind: 'tcp', host: '127.0.0.1', port: 0 }],
    ['tcp:example.org', { kind: 'tcp', host: 'example.org', port: 4466 }],
    ['tls:example.org:65535', { kind: 'tls', host: 'example.org', port: 65_535 }],
    ['tls://[::1]:1', { kind: 'tls', host: '::1', port: 1 }],
    ['[fe80::1]:9', { kind: 'tcp', host: 'fe80::1', port: 9 }],
    ['memory:x', memory('x')],
    ['memory:x?netLag=50&netSpeed=1000', memory('x', 50, 1000)],
    ['memory:a%3Fb', memory('a?b')],
  ];
  if (!windows) {
    readable.push(
      ['unix:/tmp/x', local('/tmp/x')],
      ['unix:///tmp/x', local('/tmp/x')],
      ['unix:x:1', local('x:1')],
      ['pipe:x', local('x')],
    );
  }
  for (const [text, address] of readable) {
    it(`${text} - is read, and read back from its own format`, () => {
      const parsed = parseAddress(text);
      expect(parsed).to.deep.equal(address);
      expect(parseAddress(formatAddress(parsed))).to.deep.equal(address);
    });
  }

  const refused = [
    '',
    'localhost',
    ':80',
    '::1:80',
    'tcp:::1:80',
    'tcp:a:65536',
    'tcp:a:-1',
    'tcp:a:1.5',
    'tcp:a b:1',
    'http://a:1',
    'unix:',
    'pipe:',
    'unix:a\0b',
    'memory:',
    'memory:?netLag=1',
    'memory:x?netLag=-1',
    'memory:x?netLag=',
    'memory:x?netSpeed=0',
    'memory:x?netSpeed=fast',
    'memory:x?lag=1',
  ];
  for (const text of refused) {
    it(`${JSON.stringify(text)} - is refused by the name of the option`, () => {
      expect(() => parseAddress(text)).to.throw(/Option url/);
      expect(code(() => parseAddress(text))).to.equal('ERR_INVALID_OPTION');
    });
  }
});

describe('address - options', () => {
  const cases: [AddressOptions, object][] = [
    [{ port: 8333 }, { kind: 'tcp', host: '127.0.0.1', port: 8333 }],
    [
      { port: 0, host: '::' },
      { kind: 'tcp', host: '::', port: 0 },
    ],
    [{ host: 'localhost' }, { kind: 'tcp', host: 'localhost', port: 4466 }],
    [
      { host: 'localhost', tls: true },
      { kind: 'tls', host: 'localhost', port: 4466 },
    ],
    [
      { url: 'localhost:1', tls: { rejectUnauthorized: false } },
      { kind: 'tls', host: 'localhost', port: 1 },
    ],
    [
      { url: 'tls:localhost:1', tls: false },
      { kind: 'tls', host: 'localhost', port: 1 },
    ],
  ];
  if (!windows) cases.push([{}, local('net-ipc')], [{ path: 'a/b' }, local('a/b')], [{ path: '/a/b' }, local('/a/b')]);
  for (const [options, address] of cases) {
    it(`${JSON.stringify(options)} - becomes one address`, () => {
      expect(resolveAddress(options)).to.deep.equal(address);
    });
  }

  const refused: [unknown, RegExp][] = [
    [{ port: 65_536 }, /Option port/],
    [{ port: '80x' }, /Option port/],
    [{ host: '' }, /Option host/],
    [{ host: 7 }, /Option host/],
    [{ path: '' }, /Option path/],
    [{ path: 7 }, /Option path/],
    [{ path: 'a', port: 1 }, /Option path and option port/],
    [{ path: 'a', host: 'b' }, /Option path and option host/],
    [{ url: 'a:1', path: 'b' }, /Option url and option path/],
    [{ url: 'a:1', port: 1 }, /Option url and option port/],
    [{ tls: true }, /Option tls/],
    [{ url: 'unix:x', tls: true }, /Option tls/],
    [{ url: 7 }, /Option url/],
  ];
  for (const [options, message] of refused) {
    it(`${JSON.stringify(options)} - is refused by name`, () => {
      expect(() => resolveAddress(options as AddressOptions)).to.throw(message);
      expect(code(() => resolveAddress(options as AddressOptions))).to.equal('ERR_INVALID_OPTION');
    });
  }

  it('a path over the limit of the system - is refused with that reason, counted in bytes', function () {
    if (windows) this.skip();
    expect(resolveAddress({ path: 'x'.repeat(maxUnixPathBytes) }).kind).to.equal('unix');
    for (const path of ['x'.repeat(maxUnixPathBytes + 1), 'ä'.repeat(54)]) {
      expect(code(() => resolveAddress({ path }))).to.equal('ERR_TOO_LARGE');
      expect(() => resolveAddress({ path })).to.throw(`can have ${maxUnixPathBytes} bytes`);
    }
  });
});
