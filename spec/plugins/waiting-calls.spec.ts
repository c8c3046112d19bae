import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, afterEach, describe, it } from 'mocha';
import { BusError, Client, type Connection, Server } from '../../lib/index.ts';
import { channels } from '../../lib/plugins/channels/index.ts';
import { dispatch } from '../../lib/plugins/dispatch/index.ts';
import { gateway } from '../../lib/plugins/gateway/index.ts';
import { interserve } from '../../lib/plugins/interserve/index.ts';
import { callOptions, proxy, remote } from '../../lib/plugins/rpc/index.ts';
import { until } from '../support/buses.ts';
import { socketFolder } from '../support/links.ts';
import { root } from '../support/repository.ts';

/** Whatever is asked here waits for ever. */
let asked = 0;
const never = (): Promise<never> => {
  asked += 1;
  return new Promise(() => undefined);
};

interface Calls {
  wait(): Promise<unknown>;
  stream(): AsyncIterable<unknown>;
}

class Bus {
  readonly server: Server;
  readonly client: Client;
  readonly ends;
  readonly clientEnds;

  constructor(path: string) {
    this.server = new Server({ path, closeTimeoutMs: 50, sessionGraceMs: 20 });
    this.server.on('error', () => undefined).on('message', never);
    this.server.handle(never);
    this.ends = {
      channels: this.server.use(
        channels({ authorize: ({ id }) => id === 'room' || never(), authorizeTimeoutMs: 60_000 }),
      ),
      dispatch: this.server.use(dispatch({ allow: never, handshakeTimeoutMs: 60_000, deviceHost: '127.0.0.1' })),
      gateway: this.server.use(gateway({ http: { port: 0 }, websocket: { port: 0 }, workers: never, graceMs: 60_000 })),
      interserve: this.server.use(interserve({ iport: 0, timeout: 60 })),
    };
    this.ends.interserve.add('map');
    this.ends.interserve.receive('map', () => undefined);
    this.ends.interserve.handshake('map', never);
    this.client = new Client({ path, closeTimeoutMs: 50, reconnect: false });
    this.client.on('error', () => undefined).on('message', never);
    this.client.handle(never);
    this.clientEnds = {
      channels: this.client.use(channels()),
      dispatch: this.client.use(dispatch()),
      gateway: this.client.use(gateway()),
      interserve: this.client.use(interserve({ timeout: 60 })),
    };
    this.clientEnds.interserve.receive('map', never);
    for (const end of [this.server, this.client])
      remote(end, { wait: never, stream: () => ({ [Symbol.asyncIterator]: () => ({ next: never }) }) });
  }

  async start(): Promise<this> {
    await this.server.start();
    await this.client.connect();
    await until(() => this.server.connections.length === 1);
    return this;
  }

  get connection(): Connection {
    const [connection] = this.server.connections;
    if (connection === undefined) throw new Error('nobody is connected');
    return connection;
  }
}

interface Given {
  readonly signal?: AbortSignal;
  readonly timeout?: number;
}

interface Row {
  readonly page: string;
  begin(bus: Bus, given: Given): Promise<unknown>;
  readonly codes: Readonly<Partial<Record<string, string>>>;
}

const endings: Readonly<Record<string, (bus: Bus) => unknown>> = {
  timeout: () => undefined,
  abort: () => undefined,
  'client.close()': (bus: Bus) => bus.client.close(),
  'client.destroy()': (bus: Bus) => bus.client.destroy(),
  'connection.close()': (bus: Bus) => bus.connection.close(),
  'connection.destroy()': (bus: Bus) => bus.connection.destroy(),
  'server.close()': (bus: Bus) => bus.server.close(),
  'the link breaks for good': (bus: Bus) => bus.client.connection?.destroy(),
};

/** With nobody left at the other side; `own`: what ends by this end's destroy(). */
function leaving(own: 'client.destroy()' | 'connection.destroy()', destroyed = 'ERR_DESTROYED') {
  const closed = Object.keys(endings).filter((ending) => ending !== 'timeout' && ending !== 'abort');
  return { ...Object.fromEntries(closed.map((ending) => [ending, 'ERR_CLOSED'])), [own]: destroyed };
}
const timeout = 'ERR_TIMEOUT';
const abort = 'ERR_ABORTED';
const ofClient = leaving('client.destroy()');
const ofConnection = { ...leaving('connection.destroy()'), 'the link breaks for good': 'ERR_SESSION_LOST' };
const ofEither = leaving('client.destroy()', 'ERR_CLOSED');
const unknown = Object.fromEntries(Object.keys(ofClient).map((ending) => [ending, 'ERR_SESSION_LOST']));

/** A call that waits, what it rejects with as each thing happens, and the page that says so. */
const rows: Readonly<Record<string, Row>> = {
  'request of a Client': {
    page: 'api',
    begin: ({ client }, given) => client.request('x', given),
    codes: { timeout, abort, ...ofClient },
  },
  'request of a Connection': {
    page: 'api',
    begin: ({ connection }, given) => connection.request('x', given),
    codes: { timeout, abort, ...ofConnection },
  },
  'a confirmed send of a Client': {
    page: 'api',
    begin: ({ client }, given) => client.send('x', { confirm: true, ...given }),
    codes: { timeout, abort, ...unknown },
  },
  'a confirmed send of a Connection': {
    page: 'api',
    begin: ({ connection }, given) => connection.send('x', { confirm: true, ...given }),
    codes: { timeout, abort, ...unknown },
  },
  'create of channels': {
    page: 'channels',
    begin: ({ clientEnds }, given) => clientEnds.channels.create('other', given),
    codes: { timeout, abort, ...ofClient },
  },
  'enter of channels': {
    page: 'channels',
    begin: ({ clientEnds }, given) => clientEnds.channels.enter('other', given),
    codes: { timeout, abort, ...ofClient },
  },
  'a remote call of a Client': {
    page: 'rpc',
    begin: ({ client }, given) => proxy<Calls>(client).wait(callOptions(given)),
    codes: { timeout, abort, ...ofClient },
  },
  'a remote call of a Connection': {
    page: 'rpc',
    begin: ({ server, connection }, given) => proxy<Calls>(server, connection).wait(callOptions(given)),
    codes: { timeout, abort, ...ofConnection },
  },
  'a stream that a Client reads': {
    page: 'rpc',
    begin: async ({ client }) => (await proxy<Calls>(client).stream())[Symbol.asyncIterator]().next(),
    codes: ofEither,
  },
  'a stream that a Server reads': {
    page: 'rpc',
    begin: async ({ server, connection }) =>
      (await proxy<Calls>(server, connection).stream())[Symbol.asyncIterator]().next(),
    codes: ofEither,
  },
  'send of a Client by interserve': {
    page: 'interserve',
    begin: ({ clientEnds }, { signal }) => {
      const handle = clientEnds.interserve.send('map', 'x');
      signal?.addEventListener('abort', () => handle.abort());
      return handle.receipt;
    },
    codes: { abort, ...ofEither },
  },
  'send of a Server by interserve': {
    page: 'interserve',
    begin: ({ ends, connection }, { signal }) => {
      const handle = ends.interserve.send('map', 'x', connection);
      signal?.addEventListener('abort', () => handle.abort());
      return handle.receipt;
    },
    codes: { abort, ...ofEither },
  },
  'tcp of dispatch': {
    page: 'dispatch',
    begin: ({ clientEnds }, { signal }) => clientEnds.dispatch.tcp({ port: 0, accept: '127.0.0.1', signal }),
    codes: { abort, ...ofClient },
  },
  'addRoute of a worker': {
    page: 'gateway',
    begin: ({ clientEnds }) => clientEnds.gateway.http.addRoute('/x'),
    codes: ofClient,
  },
  'takeClients of a worker': {
    page: 'gateway',
    begin: ({ clientEnds }) => clientEnds.gateway.websocket.takeClients(),
    codes: ofClient,
  },
};

/** Whether `outcome` is there by the end of the turn in which its end of the bus tells that the session is over. */
function settlesInTurn({ server, client }: Bus, name: string, outcome: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  void outcome.then(() => (isSettled = true));
  return new Promise((resolve) => {
    const told = (): unknown => setImmediate(() => resolve(isSettled));
    if (/of a Connection|of a Server|a Server reads/.test(name)) server.once('disconnect', told);
    else client.once('close', told);
  });
}

let count = 0;

describe('calls that wait', () => {
  const folder = socketFolder();
  let bus: Bus | undefined;

  after(() => folder.remove());

  afterEach(async () => {
    bus?.client.destroy();
    await bus?.server.close();
  });

  for (const [name, { page, begin, codes }] of Object.entries(rows)) {
    it(`${name} - rejects with codes that its page names, in the turn in which an end is told`, async () => {
      const seen: Record<string, string> = {};
      const late: string[] = [];
      for (const ending of Object.keys(codes)) {
        bus = await new Bus(folder.path(`w${count++}`)).start();
        const controller = new AbortController();
        const given = ending === 'timeout' ? { timeout: 20 } : ending === 'abort' ? { signal: controller.signal } : {};
        asked = 0;
        const outcome = begin(bus, given).then(
          () => 'resolved',
          (error: unknown) => (error instanceof BusError ? error.code : `no BusError: ${String(error)}`),
        );
        await until(() => asked > 0);
        const isEnd = ending !== 'timeout' && ending !== 'abort';
        const inTurn = settlesInTurn(bus, name, outcome);
        if (ending === 'abort') controller.abort();
        void endings[ending]?.(bus);
        seen[ending] = await outcome;
        bus.client.destroy();
        await bus.server.close();
        if (isEnd && !(await inTurn)) late.push(ending);
      }
      expect(seen).to.deep.equal(codes);
      expect(late, 'settled in a later turn than that in which the end was told').to.deep.equal([]);
      const text = readFileSync(join(root, `docs/${page}.md`), 'utf8');
      for (const code of Object.values(codes)) expect(text, `docs/${page}.md`).to.include(`\`${code ?? ''}\``);
    });
  }
});
