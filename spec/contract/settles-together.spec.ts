import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  type Client,
  type Connection,
  definePlugin,
  type Lane,
  type PeerHandle,
  type Server,
} from '../../lib/index.ts';
import { World } from '../support/virtual-world.ts';
import { Waiters } from '../support/waiters.ts';

const lanes = definePlugin<Lane, Lane>({
  name: 'lane',
  server: (host) => ({ api: host.lane({ request: never }) }),
  client: (host) => ({ api: host.lane({ request: never }) }),
});

function never(): Promise<never> {
  return new Promise(() => {});
}

interface Pair {
  readonly world: World;
  readonly server: Server;
  readonly client: Client;
  readonly connection: Connection;
  readonly lane: { readonly server: Lane; readonly client: Lane };
}

const dialects = { native: {}, 'net-ipc JSON': { native: false } };

async function connected(native: object): Promise<Pair> {
  const world = new World();
  const usual = { maxUnackedBytes: 4_096, heartbeatIntervalMs: 0, closeTimeoutMs: 1_000 };
  const server = world.server({ ...usual, sessionGraceMs: 500 });
  const client = world.client({ ...usual, ...native, reconnect: false });
  server.on('error', () => {});
  client.on('error', () => {});
  server.handle(never);
  client.handle(never);
  const lane = { server: server.use(lanes), client: client.use(lanes) };
  await server.start();
  await world.during(client.connect());
  await world.clock.run(10);
  return { world, server, client, connection: server.connections[0] as Connection, lane };
}

/** Has every kind of call wait: some were sent and get no answer, the others find no room. */
function callAll(waiters: Waiters, peer: Client | Connection, lane: Lane): void {
  const handle: PeerHandle = peer;
  const forEver = { timeout: 0 };
  const isSession = peer.delivery === 'session';
  const calls = (state: string): void => {
    waiters.add(`request, ${state}`, peer.request('x', forEver));
    waiters.add(`ping, ${state}`, peer.ping('x', forEver));
    if (!isSession) return;
    waiters.add(`confirmed send, ${state}`, peer.send('x', { confirm: true }));
    waiters.add(`request on a lane, ${state}`, lane.request(handle, 'x', forEver));
  };
  calls('sent');
  waiters.add('a loop over messages', peer.messages().next());
  waiters.add('another loop over messages', peer.messages().next());
  for (let sent = 0; sent < 6; sent++) void peer.send('x'.repeat(1_000)).catch(() => {});
  waiters.add('send', peer.send('y'));
  waiters.add('send with a signal', peer.send('y', { signal: new AbortController().signal }));
  waiters.add('flush', peer.flush());
  if (isSession) waiters.add('send on a lane', lane.send(handle, 'y'));
  calls('without room');
}

/** Runs until everything waiting has settled; returns what had not in the turn in which `told` was first called. */
async function lateOf(world: World, waiters: Waiters, begin: (told: () => void) => unknown): Promise<string[]> {
  await world.clock.run(20);
  expect([...waiters.settled], 'settled before the end').to.deep.equal([]);
  let late: string[] | undefined;
  let isTold = false;
  begin(() => {
    // Of the next turn nothing that follows from a promise has run yet.
    if (!isTold) world.clock.defer(() => (late = waiters.waiting));
    isTold = true;
  });
  await world.clock.run(30_000);
  expect(waiters.waiting, 'never settled').to.deep.equal([]);
  if (late === undefined) throw new Error('nobody was told of the end');
  return late;
}

type End = (pair: Pair) => unknown;

const cut: End = ({ world }) => {
  for (const pair of world.faults.pairs) pair.cut();
};
const ends: Readonly<Record<string, End>> = {
  'client.close()': ({ client }) => client.close(),
  'client.destroy()': ({ client }) => void client.destroy(),
  'connection.close()': ({ connection }) => connection.close(),
  'connection.destroy()': ({ connection }) => void connection.destroy(),
  'server.close()': ({ server }) => server.close(),
  'server.close(true)': ({ server }) => server.close(true),
  'a link that is lost for good': cut,
};

for (const [name, native] of Object.entries(dialects)) {
  describe(`every call that waits settles in the turn in which the end is told, ${name}`, () => {
    for (const [end, run] of Object.entries(ends)) {
      it(`of a client: ${end}`, async () => {
        const pair = await connected(native);
        const { world, client, server, lane } = pair;
        for (const link of world.faults.pairs) link.blackHole('toServer');
        const waiters = new Waiters();
        callAll(waiters, client, lane.client);
        const late = await lateOf(world, waiters, (told) => {
          client.on('close', told);
          const ended = run(pair);
          if (end.startsWith('client') && ended instanceof Promise) void ended.then(told);
        });
        expect(late).to.deep.equal([]);
        for (const link of world.faults.pairs) link.heal();
        await world.end(client, server);
      });

      it(`of a connection and its server: ${end}`, async () => {
        const pair = await connected(native);
        const { world, client, server, connection, lane } = pair;
        for (const link of world.faults.pairs) link.blackHole('toClient');
        const waiters = new Waiters();
        callAll(waiters, connection, lane.server);
        waiters.add('survey', server.survey('x', { timeout: 0 }));
        waiters.add('an answer of a survey stream', server.surveyStream('x', { timeout: 0 }).next());
        waiters.add('pings of a server', server.ping('x', { timeout: 0 }));
        waiters.add('broadcast', server.broadcast('y'));
        if (connection.delivery === 'session')
          waiters.add('broadcast on a lane', lane.server.broadcast([connection], 'y'));
        const late = await lateOf(world, waiters, (told) => {
          server.on('disconnect', told);
          const ended = run(pair);
          if (!end.startsWith('client') && ended instanceof Promise) void ended.then(told);
        });
        expect(late).to.deep.equal([]);
        for (const link of world.faults.pairs) link.heal();
        await world.end(client, server);
      });
    }
  });
}

/** How far `connect()` has come when the client is closed. */
const stages: Readonly<Record<string, (world: World) => Promise<Client>>> = {
  'a plugin starts': async (world) => {
    const client = world.client();
    client.use({
      name: 'slow',
      install(host) {
        host.onStart(never);
        return { api: undefined };
      },
    });
    return client;
  },
  'its payload is made': async (world) => {
    await world.server().start();
    return world.client();
  },
  'the server decides': async (world) => {
    await world.server({ authorize: never, handshakeTimeoutMs: 60_000 }).start();
    return world.client({ handshakeTimeoutMs: 60_000 });
  },
  'it waits for another attempt': async (world) => world.client({ retries: Number.POSITIVE_INFINITY }),
};

describe('every call that waits for a link settles in the turn in which the end is told', () => {
  for (const [stage, make] of Object.entries(stages)) {
    for (const end of ['close', 'destroy'] as const) {
      it(`connect() while ${stage}: client.${end}()`, async () => {
        const world = new World();
        const client = await make(world);
        client.on('error', () => {});
        const waiters = new Waiters();
        waiters.add('connect', client.connect(stage.startsWith('its payload') ? never : undefined));
        waiters.add('send', client.send('x'));
        waiters.add('request', client.request('x', { timeout: 0 }));
        waiters.add('confirmed send', client.send('x', { confirm: true }));
        waiters.add('ping', client.ping('x', { timeout: 0 }));
        waiters.add('flush', client.flush());
        waiters.add('a loop over messages', client.messages().next());
        const late = await lateOf(world, waiters, (told) => {
          client.on('close', told);
          const ended = client[end]();
          if (ended instanceof Promise) void ended.then(told);
        });
        expect(late).to.deep.equal([]);
        expect(waiters.settled.get('connect')).to.equal(end === 'close' ? 'ERR_CLOSED' : 'ERR_DESTROYED');
      });
    }
  }

  for (const end of ['close', 'destroy'] as const) {
    it(`all that waits while the client comes back: client.${end}()`, async () => {
      const world = new World();
      const { server, client } = await world.pair({ retries: Number.POSITIVE_INFINITY });
      client.on('error', () => {});
      const messages = client.messages();
      await world.during(server.close(true));
      const waiters = new Waiters();
      waiters.add('send', client.send('x'));
      waiters.add('request', client.request('x', { timeout: 0 }));
      waiters.add('request that may be asked again', client.request('x', { timeout: 0, idempotent: true }));
      waiters.add('confirmed send', client.send('x', { confirm: true }));
      waiters.add('flush', client.flush());
      waiters.add('a loop over messages', messages.next());
      const late = await lateOf(world, waiters, (told) => {
        client.on('close', told);
        const ended = client[end]();
        if (ended instanceof Promise) void ended.then(told);
      });
      expect(late).to.deep.equal([]);
      await world.end(client, server);
    });
  }

  it('start() of a server while a plugin starts: server.close()', async () => {
    const world = new World();
    const server = world.server({ closeTimeoutMs: 1_000 });
    server.use({
      name: 'slow',
      install(host) {
        host.onStart(never);
        return { api: undefined };
      },
    });
    const waiters = new Waiters();
    waiters.add('start', server.start());
    const late = await lateOf(world, waiters, (told) => {
      server.on('close', told);
      void server.close().then(told);
    });
    expect(late).to.deep.equal([]);
    expect(waiters.settled.get('start')).to.equal('ERR_CLOSED');
    expect([server.address, world.clock.now() < 60_000]).to.deep.equal([undefined, true]);
  });
});
