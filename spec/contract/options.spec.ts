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
  [{ nonsense: 1 }, /no option "nonsense"$/],
  [{ toString: 1 }, /no option "toString"/],
  [{ retries: -1 }, /"retries" must be integer from 0/],
  [{ retries: 1.5 }, /"retries"/],
  [{ port: 65_536 }, /"port" must be integer from 0 to 65535/],
  [{ port: '80' }, /"port"/],
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

  it('that are undefined count as absent', () => {
    expect(new Client({ retries: undefined, path: undefined }).options.retries).to.equal(3);
    expect(new Server({ max: undefined }).options.max).to.equal(10_000);
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

  it('that exclude each other are refused when they are first used', async () => {
    for (const options of [
      { path: 'x', port: 1 },
      { url: 'memory:x', path: 'x' },
      { url: 'ftp://x' },
      { path: 'x', tls: true },
    ]) {
      const error: unknown = await new Server(options).start().catch((reason: unknown) => reason);
      expect(error).to.have.property('code', 'ERR_INVALID_OPTION');
      const same: unknown = await new Client(options).connect().catch((reason: unknown) => reason);
      expect(same).to.have.property('code', 'ERR_INVALID_OPTION');
    }
    const long: unknown = await new Server({ path: 'x'.repeat(200) }).start().catch((reason: unknown) => reason);
    expect(long).to.have.property('code', 'ERR_TOO_LARGE');
  });
});
