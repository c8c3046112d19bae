import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { Client, Server, type ServerOptions } from '../../lib/index.ts';
import { channels } from '../../lib/plugins/channels/index.ts';
import { dispatch } from '../../lib/plugins/dispatch/index.ts';
import { gateway, WebSocketServer } from '../../lib/plugins/gateway/index.ts';
import { socketIo } from '../../lib/plugins/socket-io/index.ts';
import { JointPeer } from './channels/joint/joint-peer.ts';
import { BareDriver } from './dispatch/bare-driver.ts';
import { freePort } from './dispatch/device-client.ts';
import { WebSocketClient } from './gateway/websocket-client.ts';
import { reasonOf, TransferBus } from './interserve/support/transfer-bus.ts';

type Ask = () => never;
type Admitted = 'admitted' | 'refused';

let count = 0;
const closers: (() => unknown)[] = [];

async function pair(options: ServerOptions, prepare: (server: Server) => unknown): Promise<[Server, Client]> {
  const url = `memory:permissions-${count++}`;
  const server = new Server({ url, closeTimeoutMs: 200, ...options });
  server.on('error', () => undefined);
  prepare(server);
  await server.start();
  const client = new Client({ url, retries: 0, reconnect: false });
  client.on('error', () => undefined);
  closers.push(
    () => server.close(),
    () => client.destroy(),
  );
  return [server, client];
}

/** Whether `promise` resolved; with another code than those given, the spec fails. */
async function admitted(promise: Promise<unknown>, ...codes: readonly string[]): Promise<Admitted> {
  try {
    await promise;
    return 'admitted';
  } catch (error) {
    const { code } = error as { code?: string };
    if (!codes.includes(code ?? '')) throw error;
    return 'refused';
  }
}

/** Each place where a program is asked whether somebody may; with how long a silent one is waited for, where one can choose. */
const doors: Readonly<Record<string, (ask: Ask, ms: number) => Promise<Admitted>>> = {
  'authorize of a Server': async (authorize, ms) => {
    const [, client] = await pair({ authorize, handshakeTimeoutMs: ms }, () => undefined);
    return admitted(client.connect(), 'ERR_UNAUTHORIZED', 'ERR_UNAVAILABLE');
  },
  'allow of dispatch, on the bus': async (allow, handshakeTimeoutMs) => {
    const options = { allow, handshakeTimeoutMs, deviceHost: '127.0.0.1', closeTimeoutMs: 100 };
    const [, client] = await pair({}, (server) => server.use(dispatch(options)));
    const ports = client.use(dispatch());
    await client.connect();
    return admitted(ports.tcp({ port: 0, accept: '127.0.0.1' }), 'ERR_UNAUTHORIZED', 'ERR_UNAVAILABLE');
  },
  'allow of dispatch, over WebSocket': async (allow, handshakeTimeoutMs) => {
    const options = { port: 0, secret: 's', allow, handshakeTimeoutMs, deviceHost: '127.0.0.1', closeTimeoutMs: 100 };
    let port: number | undefined;
    await pair({}, (server) => {
      const face = server.use(dispatch({ ...options, log: () => (port = face.webPort ?? port) }));
    });
    const url = `ws://127.0.0.1:${port}/api/server/tcp_dispatch?accept=127.0.0.1&port=${await freePort()}`;
    const driver = await BareDriver.open(url, { Authorization: 's' }).catch((error: Error) => error.message);
    if (typeof driver === 'string') {
      expect(driver).to.match(/403|503/);
      return 'refused';
    }
    await driver.leave();
    return 'admitted';
  },
  'authorize of a WebSocketServer': async (authorize, authorizeTimeoutMs) => {
    const server = new WebSocketServer({ deferred: false, authorize, authorizeTimeoutMs });
    closers.push(() => server.stopListening());
    return upgraded(`ws://127.0.0.1:${await server.startListening(0)}/`);
  },
  'authorize of the door for pages': async (authorize, authorizeTimeoutMs) => {
    const [server] = await pair({}, () => undefined);
    const port = await new Promise((resolve) => {
      const { browser } = server.use(gateway({ browser: { port: 0, authorize, authorizeTimeoutMs } }));
      const look = (): unknown => (browser?.port === undefined ? setImmediate(look) : resolve(browser.port));
      look();
    });
    return upgraded(`ws://127.0.0.1:${port}/bus`);
  },
  'workers of the gateway': async (workers, graceMs) => {
    const [, client] = await pair({}, (server) => server.use(gateway({ http: { port: 0 }, workers, graceMs })));
    const { http } = client.use(gateway());
    await client.connect();
    return admitted(http.addRoute('/x'), 'ERR_REFUSED', 'ERR_UNAUTHORIZED', 'ERR_UNAVAILABLE');
  },
  'allow of socket.io': async (allow, allowTimeoutMs) => {
    const [, client] = await pair({}, (server) => server.use(socketIo({ allow, allowTimeoutMs })));
    client.use(socketIo());
    return admitted(client.connect(), 'ERR_UNAUTHORIZED', 'ERR_UNAVAILABLE');
  },
  'handshake of interserve': async (handshake, ms) => {
    const bus = await TransferBus.start({ address: '127.0.0.1', timeout: Math.ceil(ms / 1_000) });
    closers.push(() => bus.close());
    bus.transfers.add('map');
    bus.transfers.receive('map', () => undefined);
    bus.transfers.handshake('map', handshake);
    const { transfers } = await bus.connect({ timeout: Math.ceil(ms / 1_000) });
    const reason = await reasonOf(transfers.send('map', 'x').receipt);
    if (reason === 'fulfilled') return 'admitted';
    expect(['refused', 'failed', 'expired']).to.include(reason);
    return 'refused';
  },
  'authorize of channels': async (authorize, authorizeTimeoutMs) => {
    const [, client] = await pair({}, (server) => server.use(channels({ authorize, authorizeTimeoutMs })));
    const rooms = client.use(channels());
    await client.connect();
    return admitted(rooms.create('a'), 'ERR_CHANNEL', 'ERR_UNAVAILABLE');
  },
  'authorize of channels, for a joint peer': async (authorize, authorizeTimeoutMs) => {
    let port: () => number | undefined = () => undefined;
    await pair({}, (server) => {
      const relay = server.use(channels({ authorize, authorizeTimeoutMs, joint: { port: 0 } }));
      port = () => relay.jointPort;
    });
    const peer = await JointPeer.tcp(port() ?? 0);
    closers.push(() => peer.close());
    peer.write('00 00 01 01 61');
    const answer = await peer.read(5);
    return answer[1] === 3 && answer[3] === 0 ? 'admitted' : 'refused';
  },
};

async function upgraded(url: string): Promise<Admitted> {
  const client = new WebSocketClient(url);
  const status = await client.status;
  client.ws.terminate();
  expect(status).to.be.oneOf([101, 401, 503]);
  return status === 101 ? 'admitted' : 'refused';
}

const values: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  false: false,
  0: 0,
  1: 1,
  NaN: Number.NaN,
  "''": '',
  "'true'": 'true',
  '{}': {},
  '[]': [],
  'an object of true': Object(true),
  'a function': () => true,
};

const answers: Readonly<Record<string, readonly [answer: () => unknown, verdict: Admitted]>> = {
  ...Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => [
      [name, [() => value, 'refused']],
      [`a promise of ${name}`, [async () => value, 'refused']],
    ]),
  ),
  'a throw': [
    () => {
      throw new Error('no');
    },
    'refused',
  ],
  'a rejection': [() => Promise.reject(new Error('no')), 'refused'],
  'a rejection with true': [() => Promise.reject(true), 'refused'],
  'a promise of a promise of nothing': [async () => Promise.resolve(), 'refused'],
  silence: [() => new Promise(() => undefined), 'refused'],
  true: [() => true, 'admitted'],
  'a promise of true': [async () => true, 'admitted'],
};

describe('permissions', () => {
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  for (const [door, knock] of Object.entries(doors)) {
    it(`${door} - admits by true alone`, async () => {
      const seen: Record<string, string> = {};
      const should: Record<string, string> = {};
      for (const [name, [answer, verdict]] of Object.entries(answers)) {
        should[name] = verdict;
        let asked = 0;
        const ask = (): unknown => {
          asked += 1;
          return answer();
        };
        // Long enough for an answer, whatever the machine does beside; a silent one is given up sooner.
        seen[name] = await knock(ask as Ask, name === 'silence' ? 300 : 20_000);
        expect(asked, `${name}: it was asked`).to.be.at.least(1);
        for (const close of closers.splice(0).reverse()) await close();
      }
      expect(seen).to.deep.equal(should);
    });
  }
});
