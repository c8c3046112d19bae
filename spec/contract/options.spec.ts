import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, Server } from '../../lib/index.ts';

function refusal(make: () => unknown): { code: string; message: string } {
  try {
    make();
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('nothing was thrown');
}

const badOptions: readonly (readonly [object, RegExp])[] = [
  [{ retrys: 1 }, /no option "retrys", did you mean "retries"/],
  [{ Path: 'x' }, /no option "Path", did you mean "path"/],
  [{ maxMesageBytes: 1 }, /did you mean "maxMessageBytes"/],
  [{ ca: 'x' }, /no option "ca", did you mean "tls: \{ ca \}"\?/],
  [{ pskCallback() {} }, /did you mean "tls: \{ pskCallback \}"\?/],
  [{ nonsense: 1 }, /no option "nonsense"$/],
  [{ toString: 1 }, /no option "toString"/],
  [{ retries: -1 }, /"retries" must be integer from 0/],
  [{ retries: 1.5 }, /"retries"/],
  [{ port: 65_536 }, /"port" must be integer from 0 to 65535/],
  ...['', '12x', ' 80', '80 ', '0x50', '1e3', '8.0', '+80', '-1', '65536', '٣', [80]].map(
    (port) => [{ port }, /"port" must be integer from 0 to 65535/] as const,
  ),
  [{ compress: 1 }, /"compress" must be boolean/],
  [{ heartbeatTimeoutMs: 0 }, /"heartbeatTimeoutMs"/],
  [{ slowConsumer: 'drop' }, /"slowConsumer" must be 'wait'/],
  [{ path: '' }, /"path"/],
  [{ options: 5 }, /"options"/],
];

describe('options', () => {
  for (const [options, message] of badOptions) {
    const [name] = Object.keys(options);
    it(`${name}: ${JSON.stringify(Object.values(options)[0])} is refused by name, by both ends`, () => {
      for (const make of [() => new Server(options), () => new Client(options)]) {
        const error = refusal(make);
        expect(error.code).to.equal('ERR_INVALID_OPTION');
        expect(error.message).to.match(message);
      }
    });
  }

  class OwnClient extends Client {}
  class OwnServer extends Server {}
  const own = ['name', 'botId', 'shards', 'shardList', 'debug', 'token', 'agent', 'authToken', 'totalShards', 'id'];
  own.push(
    'role',
    'cluster',
    'key',
    'secret',
    'prefix',
    'logger',
    'mode',
    'map',
    'metrics',
    'standAlone',
    'rollingRestarts',
  );
  for (const name of own) {
    it(`${name} - is a subclass's to have, of both ends, and of no other's`, () => {
      for (const value of [1, 'x', {}, null, undefined]) {
        const options = { path: 'x', [name]: value };
        expect(new OwnClient(options).options).to.deep.equal(new Client({ path: 'x' }).options);
        expect(new OwnServer(options).options).to.deep.equal(new Server({ path: 'x' }).options);
      }
      for (const make of [() => new Server({ [name]: 1 }), () => new Client({ [name]: 1 })]) {
        expect(refusal(make).code).to.equal('ERR_INVALID_OPTION');
      }
    });
  }

  for (const name of [
    'Path',
    'pth',
    'hosst',
    'retrys',
    'authorise',
    'maxMesageBytes',
    'sessionGraceMS',
    'heartbeatTimeout',
  ]) {
    it(`${name} - is refused as a misspelt one, of subclasses too`, () => {
      expect(refusal(() => new OwnServer({ [name]: 1 })).message).to.match(/no option ".*", did you mean "/);
    });
  }
  for (const name of ['recconect', 'reconect', 'maxretries', 'onlost', 'URL']) {
    it(`${name} - is refused as a misspelt one, of subclasses of Client too`, () => {
      expect(refusal(() => new OwnClient({ [name]: 1 })).message).to.match(/no option ".*", did you mean "/);
    });
  }

  it('that are undefined count as absent', () => {
    expect(new Client({ retries: undefined, path: undefined }).options.retries).to.equal(3);
    expect(new Server({ max: undefined }).options.max).to.equal(Infinity);
    expect(new Server().options.path).to.equal(undefined);
  });

  it('must be an object', () => {
    for (const given of [null, [], 'x', 5] as never[]) {
      expect(refusal(() => new Client(given)).code).to.equal('ERR_INVALID_OPTION');
      expect(refusal(() => new Server(given)).code).to.equal('ERR_INVALID_OPTION');
    }
  });

  it('of net-ipc 2.2.2 are all known', () => {
    const shared = { path: 'x', options: {}, retries: 1 };
    new Server({ ...shared, listenOptions: {}, max: 5, generateID: () => 'x' });
    new Client({ ...shared, handshake: true, compress: true, messagepack: true, reconnect: true, maxRetryTime: 500 });
    new Client({ host: 'localhost', port: 4_466, tls: true });
    new Client({ url: 'localhost:8333', max: undefined } as never);
  });

  const badAddresses: readonly (readonly [object, RegExp])[] = [
    [{ path: 'x', port: 1 }, /path and option port exclude each other/],
    [{ url: 'memory:x', path: 'x' }, /url and option path exclude each other/],
    [{ url: 'memory:x', port: 1 }, /url and option port exclude each other/],
    [{ path: 'x', tls: true }, /Option tls needs option host, port or a tls url/],
    [{ url: 'ws://x' }, /unknown scheme: ws:\/\/x; known are unix, pipe, tcp, tls, memory and parent/],
    [{ url: 'localhost:99999' }, /a port is an integer from 0 to 65535/],
    [{ url: 'foo' }, /Option url needs a port or a scheme: foo/],
  ];
  for (const [options, message] of badAddresses) {
    it(`${JSON.stringify(options)} is refused when it is given, by both ends`, () => {
      for (const make of [() => new Server(options), () => new Client(options)]) {
        const error = refusal(make);
        expect(error.code).to.equal('ERR_INVALID_OPTION');
        expect(error.message).to.match(message);
      }
    });
  }

  it('with a path over the limit of the system are refused when they are given', () => {
    const path = 'x'.repeat(200);
    for (const make of [() => new Server({ path }), () => new Client({ path })]) {
      expect(refusal(make).code).to.equal('ERR_TOO_LARGE');
    }
  });

  it('port 0 is for servers', () => {
    new Server({ port: 0 });
    expect(refusal(() => new Client({ port: 0 })).code).to.equal('ERR_INVALID_OPTION');
  });

  it('tls without anything to prove itself with is refused to servers', () => {
    for (const options of [
      { port: 0, tls: true },
      { url: 'tls:localhost:0' },
      { port: 0, tls: { cert: 'x' } },
      { port: 0, tls: true, options: { key: 'x', ca: 'x' } },
    ]) {
      const error = refusal(() => new Server(options));
      expect(error.code).to.equal('ERR_INVALID_OPTION');
      expect(error.message).to.match(/A TLS server needs \{ cert, key \}, \{ pfx \}/);
    }
    for (const tls of [{ cert: 'x', key: 'x' }, { pfx: 'x' }, { pskCallback() {} }, { SNICallback() {} }]) {
      new Server({ port: 0, tls });
      new Server({ port: 0, tls: true, options: tls });
    }
  });

  it('of start() are checked, and nothing is started', async () => {
    const server = new Server({ url: 'memory:start' });
    for (const settings of [true, null, { takover: true }, { takeover: 1 }] as never[]) {
      const error: unknown = await server.start(settings).catch((reason: unknown) => reason);
      expect(error).to.have.property('code', 'ERR_INVALID_ARGUMENT');
    }
    await server.start({ takeover: undefined });
    await server.close();
  });
});
