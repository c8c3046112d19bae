import { expect } from 'chai';
import { it } from 'mocha';
import { type ConnectingPeer, BusError, errorCodes } from '../../lib/index.ts';
import { contract, hasSocket, json, native, next, rejected, sleep, turn, until } from '../support/buses.ts';

contract('authorize', (bus, _dialect, kind) => {
  it('refuses by false, throw or rejection, with the text given, without another attempt and without an event', async () => {
    let asked = 0;
    const server = await bus().server({
      authorize: (payload) => {
        asked += 1;
        if (payload === 'false') return false;
        if (payload === 'later') return Promise.resolve(false);
        if (payload === 'reject') return Promise.reject(new Error('rejected'));
        if (payload === 'text') return Promise.reject('just text');
        throw new Error('thrown');
      },
    });
    const seen: string[] = [];
    for (const event of ['connect', 'message', 'request', 'disconnect'] as const) {
      server.on(event, () => void seen.push(event));
    }
    const expected = { false: undefined, later: undefined, reject: 'rejected', text: 'just text', throw: 'thrown' };
    for (const [payload, text] of Object.entries(expected)) {
      const client = bus().newClient();
      const events: string[] = [];
      for (const event of ['ready', 'close', 'error'] as const) client.on(event, () => void events.push(event));
      const error = await rejected(client.connect(payload));
      expect(error.code).to.equal('ERR_UNAUTHORIZED');
      if (text !== undefined) expect(error.message).to.equal(text);
      expect(events).to.deep.equal([]);
      expect(client.status).to.equal(0);
    }
    expect(asked).to.equal(5);
    expect(seen).to.deep.equal([]);
    expect(server.connections).to.deep.equal([]);
  });

  it('admits by true, before connect and ready, knowing the payload and the peer', async () => {
    const order: string[] = [];
    let connecting: ConnectingPeer | undefined;
    const server = await bus().server({
      authorize: async (payload, peer) => {
        await turn();
        connecting = peer;
        order.push(`authorize ${JSON.stringify(payload)}`);
        return true;
      },
    });
    server.on('connect', () => void order.push('connect'));
    const client = bus().newClient();
    client.on('ready', () => void order.push('ready'));
    await client.connect({ token: 1 });
    expect(order).to.deep.equal(['authorize {"token":1}', 'connect', 'ready']);
    expect(connecting?.linkKind).to.equal(kind);
    expect(connecting?.remoteAddress).to.be.a('string');
    if (hasSocket(kind)) expect(connecting?.socket).to.be.an('object');
  });

  it('refuses by whatever is not true', async () => {
    let verdict: unknown;
    const server = await bus().server({ authorize: () => verdict as boolean });
    for (verdict of [undefined, null, 0, '', Number.NaN, 1, 'yes', {}, Promise.resolve(undefined)]) {
      expect((await rejected(bus().newClient().connect())).code).to.equal('ERR_UNAUTHORIZED');
    }
    expect(server.connections).to.deep.equal([]);
  });

  const failing = (code: unknown): Error => Object.assign(new Error('driver'), { code });
  const sayings: Record<string, { readonly thrown: () => unknown; readonly told: string; readonly reported?: true }> = {
    ERR_UNAVAILABLE: { thrown: () => new BusError('ERR_UNAVAILABLE', 'later'), told: 'ERR_UNAVAILABLE later' },
    'a TypeError': { thrown: () => new TypeError('x is undefined'), told: 'ERR_UNAVAILABLE', reported: true },
    'a RangeError': { thrown: () => new RangeError('x'), told: 'ERR_UNAVAILABLE', reported: true },
    'a class of its own over TypeError': {
      thrown: () => new (class Odd extends TypeError {})('x'),
      told: 'ERR_UNAVAILABLE',
      reported: true,
    },
    'an AggregateError': { thrown: () => new AggregateError([]), told: 'ERR_UNAVAILABLE', reported: true },
    ECONNREFUSED: { thrown: () => failing('ECONNREFUSED'), told: 'ERR_UNAVAILABLE', reported: true },
    ER_LOCK_DEADLOCK: { thrown: () => failing('ER_LOCK_DEADLOCK'), told: 'ERR_UNAVAILABLE', reported: true },
    SQLITE_BUSY: { thrown: () => failing('SQLITE_BUSY'), told: 'ERR_UNAVAILABLE', reported: true },
    'a numeric code': { thrown: () => failing(14), told: 'ERR_UNAVAILABLE', reported: true },
    'a code that throws when it is read': {
      thrown: () =>
        Object.defineProperty(new Error('x'), 'code', {
          get(): never {
            throw new Error('no code');
          },
        }),
      told: 'ERR_UNAVAILABLE',
      reported: true,
    },
    'an object with a code': { thrown: () => ({ code: 'ETIMEDOUT' }), told: 'ERR_UNAVAILABLE', reported: true },
    'a DOMException': {
      thrown: () => new DOMException('late', 'TimeoutError'),
      told: 'ERR_UNAVAILABLE',
      reported: true,
    },
    'what another bus failed with': {
      thrown: () => new BusError('ERR_TIMEOUT'),
      told: 'ERR_UNAVAILABLE',
      reported: true,
    },
    ERR_UNAUTHORIZED: { thrown: () => new BusError('ERR_UNAUTHORIZED', 'banned'), told: 'ERR_UNAUTHORIZED banned' },
    ERR_REFUSED: { thrown: () => new BusError('ERR_REFUSED', 'banned'), told: 'ERR_UNAUTHORIZED banned' },
    'a plain Error': { thrown: () => new Error('banned'), told: 'ERR_UNAUTHORIZED banned' },
    'a class of its own over Error': {
      thrown: () => new (class Banned extends Error {})('banned'),
      told: 'ERR_UNAUTHORIZED banned',
    },
    'a text': { thrown: () => 'banned', told: 'ERR_UNAUTHORIZED banned' },
    nothing: { thrown: () => undefined, told: 'ERR_UNAUTHORIZED' },
  };
  for (const [saying, { thrown, told, reported }] of Object.entries(sayings)) {
    it(`${saying}, thrown or rejected, is told as ${told}`, async () => {
      const cause = thrown();
      const reports: [string, unknown][] = [];
      for (const authorize of [
        () => {
          throw cause;
        },
        () => Promise.reject(cause),
      ]) {
        const server = await bus().server({ authorize });
        server.on('error', (error) => void reports.push([error.code, error.cause]));
        const { code, message } = await rejected(bus().newClient({ retries: 0 }).connect());
        expect(`${code} ${message}`).to.contain(told);
        if (reported) expect(message).to.equal(errorCodes.ERR_UNAVAILABLE);
        await server.close();
      }
      expect(reports).to.deep.equal(
        reported
          ? [
              ['ERR_LISTENER', cause],
              ['ERR_LISTENER', cause],
            ]
          : [],
      );
      bus().takeErrors();
    });
  }

  it('that cannot decide now is asked again, by a client that connects and by one that comes back', async () => {
    let away = 2;
    const server = await bus().server({
      authorize: () => {
        away -= 1;
        if (away >= 0) throw new BusError('ERR_UNAVAILABLE', 'The data base is away');
        return true;
      },
      sessionGraceMs: 0,
    });
    const client = await bus().client({ retries: 5, maxRetryTime: 100 });
    expect(away).to.equal(-1);
    away = 3;
    const back = next(client, 'ready');
    bus().cut(server.connections[0]!);
    await back;
    expect(away).to.equal(-1);
    bus().takeErrors();
  });

  it('is given up when the client leaves meanwhile', async () => {
    let admit: ((yes: boolean) => void) | undefined;
    const server = await bus().server({ authorize: () => new Promise((resolve) => (admit = resolve)) });
    const client = bus().newClient();
    const failure = rejected(client.connect());
    await until(() => admit !== undefined);
    client.destroy();
    expect((await failure).code).to.equal('ERR_DESTROYED');
    await sleep(20);
    admit?.(true);
    await turn();
    expect(server.connections).to.deep.equal([]);
  });

  it('may take handshakeTimeoutMs at most', async () => {
    const server = await bus().server({ authorize: () => new Promise(() => {}), handshakeTimeoutMs: 700 });
    const error = await rejected(bus().newClient({ retries: 0 }).connect());
    expect(error.code).to.equal('ERR_UNAVAILABLE');
    await until(() => bus().errors.length > 1);
    // The server's, and the client's of its attempt.
    expect(bus().takeErrors().sort()).to.deep.equal(['ERR_TIMEOUT', 'ERR_UNAVAILABLE']);
    expect(server.connections).to.deep.equal([]);
  });
});

contract('a server that is full', (bus) => {
  it('refuses with ERR_SERVER_FULL', async () => {
    const { server, client } = await bus().pair({ max: 1 });
    const error = await rejected(bus().newClient({ retries: 0 }).connect());
    expect(error.code).to.equal('ERR_SERVER_FULL');
    expect(server.connections).to.have.length(1);
    expect(await client.ping()).to.be.a('number');
  });

  it('is tried again as after a lost link, and lets in when there is room', async () => {
    const { client } = await bus().pair({ max: 1 });
    const second = bus().newClient({ retries: 20 });
    const connected = second.connect();
    await until(() => second.status === 5);
    await client.close();
    await connected;
    expect(second.status).to.equal(3);
  });
});

contract(
  'before authorisation',
  (bus) => {
    it('a client that sends more than maxPreAuthBytes is put off with one ERR_TOO_LARGE', async () => {
      const server = await bus().server({ maxPreAuthBytes: 1_024 });
      const failure = await rejected(bus().newClient({ retries: 0 }).connect('x'.repeat(5_000)));
      expect(failure.code).to.be.oneOf(['ERR_CONNECT', 'ERR_TOO_LARGE']);
      await until(() => bus().errors.length > 0);
      await sleep(10);
      expect(bus().takeErrors()).to.deep.equal(['ERR_TOO_LARGE']);
      const connected = next(server, 'connect');
      await bus().client({}, 'x'.repeat(500));
      await connected;
    });

    it('more than maxUnauthorized links cost the oldest its place', async () => {
      const admits: ((yes: boolean) => void)[] = [];
      const server = await bus().server({
        maxUnauthorized: 2,
        authorize: () => new Promise((resolve) => admits.push(resolve)),
      });
      const first = rejected(bus().newClient({ retries: 0 }).connect(1));
      await until(() => admits.length === 1);
      const second = bus().newClient().connect(2);
      await until(() => admits.length === 2);
      const third = bus().newClient().connect(3);
      expect((await first).code).to.equal('ERR_SERVER_FULL');
      await until(() => admits.length === 3);
      for (const admit of admits) admit(true);
      await Promise.all([second, third]);
      expect(server.connections).to.have.length(2);
    });
  },
  { speaking: [native, json] },
);
