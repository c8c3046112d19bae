import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type Connection, Server } from '../../lib/index.ts';
import { interopTls } from '../support/interop-tls.ts';
import { NetIpcProcess, RemoteEnd } from '../support/net-ipc-process.ts';
import { eager, next, sleep, until } from '../support/buses.ts';
import { type Codec, codecs, Outcomes, roles, type Transport, transports, type Verb, verbs } from './matrix.ts';

const value = { text: 'grüße, 世界', list: [1, -2.5, null, true, ['x'.repeat(300)]], nested: { deep: { er: 1 } } };
const numbers = Array.from({ length: 200 }, (_, at) => at);
const outcomes = new Outcomes();
let real: NetIpcProcess;
let folder: string;
let paths = 0;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A busbar client at a net-ipc server. */
class OurClient {
  readonly theirs: RemoteEnd;
  client!: Client;

  constructor() {
    this.theirs = new RemoteEnd(real);
  }

  async open({ unix, security, handshake }: Transport, { messagepack, compress }: Codec): Promise<void> {
    const path = join(folder, String(++paths));
    const port = unix ? 0 : await freePort();
    const where = unix ? { path } : { port, listenOptions: { host: '127.0.0.1' } };
    await this.theirs.make('server', where, security);
    await this.theirs.call('start');
    this.client = new Client({
      ...(unix ? { path } : { host: '127.0.0.1', port }),
      ...interopTls('client', security),
      messagepack,
      compress,
      handshake,
      random: eager,
    });
    await this.client.connect({ hello: 1 });
    const [[id, payload]] = (await this.theirs.heard('connect')) as [[string, unknown]];
    expect(id).to.equal(this.client.id);
    expect(payload).to.deep.equal({ hello: 1 });
    expect(this.client.delivery).to.equal('legacy');
  }

  async close(): Promise<void> {
    this.client?.destroy();
    await this.theirs.drop();
  }

  readonly verbs: Record<Verb, () => Promise<void>> = {
    send: async () => {
      const { client, theirs } = this;
      const got: unknown[] = [];
      client.on('message', (message) => got.push(message));
      for (const number of numbers) await client.send({ number, value });
      const heard = await theirs.heard('message', numbers.length);
      expect(heard).to.deep.equal(numbers.map((number) => [{ number, value }, client.id]));
      for (const number of numbers) void theirs.callConnection(client.id!, 'send', { number, value });
      await until(() => got.length === numbers.length);
      expect(got).to.deep.equal(numbers.map((number) => ({ number, value })));
    },
    request: async () => {
      const { client, theirs } = this;
      client.handle((request) => ['busbar', request]);
      const answers = await Promise.all(numbers.map((number) => client.request({ number, value })));
      expect(answers).to.deep.equal(numbers.map((number) => ['net-ipc', { number, value }]));
      expect(await theirs.callConnection(client.id!, 'request', value)).to.deep.equal(['busbar', value]);
    },
    survey: async () => {
      const { client, theirs } = this;
      client.on('request', (request, respond) => void respond(['busbar', request]));
      expect(await theirs.call('survey', value)).to.deep.equal([{ status: 'fulfilled', value: ['busbar', value] }]);
    },
    broadcast: async () => {
      const { client, theirs } = this;
      const got = next(client, 'message');
      await theirs.call('broadcast', value);
      expect(await got).to.deep.equal([value]);
    },
    ping: async () => {
      const { client, theirs } = this;
      expect(await client.ping(value)).to.satisfy(Number.isInteger);
      expect(await theirs.callConnection(client.id!, 'ping', value)).to.satisfy(Number.isInteger);
    },
    'close with a reason': async () => {
      const { client, theirs } = this;
      const { id } = client;
      expect(await client.close('enough')).to.equal(true);
      expect(await theirs.heard('disconnect')).to.deep.equal([[id, 'enough']]);
      await client.connect();
      const closed = next(client, 'close');
      await theirs.callConnection(client.id!, 'close', 'go away');
      expect(await closed).to.deep.equal(['go away']);
      expect(client.status).to.equal(0);
    },
    'pause and resume': async () => {
      const { client, theirs } = this;
      const got: unknown[] = [];
      client.on('message', (message) => got.push(message));
      client.pause();
      for (const number of numbers) void theirs.callConnection(client.id!, 'send', number);
      await theirs.call('eventNames');
      await sleep(10);
      expect(got).to.deep.equal([]);
      client.resume();
      await until(() => got.length === numbers.length);
      expect(got).to.deep.equal(numbers);
      await theirs.call('pause');
      for (const number of numbers) void client.send(number);
      await theirs.call('resume');
      const heard = await theirs.heard('message', numbers.length);
      expect(heard.map(([message]) => message)).to.deep.equal(numbers);
    },
    destroy: async () => {
      const { client, theirs } = this;
      const ready = next(client, 'ready');
      await theirs.callConnection(client.id!, 'destroy');
      await ready;
      expect(client.status).to.equal(3);
      await theirs.heard('connect', 2);
      expect(client.destroy('now')).to.equal(true);
      await theirs.heard('disconnect', 2);
    },
  };
}

/** A net-ipc client at a busbar server. */
class OurServer {
  readonly theirs: RemoteEnd;
  server!: Server;
  connection!: Connection;

  constructor() {
    this.theirs = new RemoteEnd(real);
  }

  async open({ unix, security, handshake }: Transport, { messagepack, compress }: Codec): Promise<void> {
    const path = join(folder, String(++paths));
    this.server = new Server({ ...(unix ? { path } : { port: 0 }), ...interopTls('server', security) });
    await this.server.start();
    const where = unix ? { path } : { host: 'localhost', port: this.server.port };
    await this.theirs.make('client', { ...where, messagepack, compress, handshake }, security);
    const connected = next(this.server, 'connect');
    await this.theirs.call('connect', { hello: 1 });
    const [connection, payload] = (await connected) as [Connection, unknown];
    const [[info]] = (await this.theirs.heard('ready')) as [[unknown]];
    expect(info).to.deep.equal({ id: connection.id, messagepack, compress });
    expect(payload).to.deep.equal({ hello: 1 });
    expect(connection.delivery).to.equal('legacy');
    this.connection = connection;
  }

  async close(): Promise<void> {
    await this.theirs.drop();
    await this.server?.close();
  }

  readonly verbs: Record<Verb, () => Promise<void>> = {
    send: async () => {
      const { server, connection, theirs } = this;
      const got: unknown[] = [];
      server.on('message', (message, from) => got.push([message, from]));
      for (const number of numbers) await connection.send({ number, value });
      const heard = await theirs.heard('message', numbers.length);
      expect(heard).to.deep.equal(numbers.map((number) => [{ number, value }]));
      for (const number of numbers) void theirs.call('send', { number, value });
      await until(() => got.length === numbers.length);
      expect(got).to.deep.equal(numbers.map((number) => [{ number, value }, connection]));
    },
    request: async () => {
      const { server, connection, theirs } = this;
      server.handle((request) => ['busbar', request]);
      const answers = await Promise.all(numbers.map((number) => connection.request({ number, value })));
      expect(answers).to.deep.equal(numbers.map((number) => ['net-ipc', { number, value }]));
      expect(await theirs.call('request', value)).to.deep.equal(['busbar', value]);
    },
    survey: async () => {
      const results = await this.server.survey(value);
      expect(results).to.deep.equal([{ status: 'fulfilled', value: ['net-ipc', value] }]);
    },
    broadcast: async () => {
      await this.server.broadcast(value);
      expect(await this.theirs.heard('message')).to.deep.equal([[value]]);
    },
    ping: async () => {
      expect(await this.connection.ping(value)).to.satisfy(Number.isInteger);
      expect((await this.server.ping())[0]?.status).to.equal('fulfilled');
      expect(await this.theirs.call('ping', value)).to.satisfy(Number.isInteger);
    },
    'close with a reason': async () => {
      const { server, connection, theirs } = this;
      const gone = next(server, 'disconnect');
      await theirs.call('close', 'enough');
      expect(await gone).to.deep.equal([connection, 'enough']);
      await theirs.heard('close');
      const connected = next(server, 'connect');
      await theirs.call('connect');
      const [again] = (await connected) as [Connection];
      expect(await again.close('go away')).to.equal(true);
      expect((await theirs.heard('close', 2))[1]).to.deep.equal(['go away']);
    },
    'pause and resume': async () => {
      const { server, connection, theirs } = this;
      const got: unknown[] = [];
      server.on('message', (message) => got.push(message));
      for (const pausing of [server, connection]) {
        got.length = 0;
        pausing.pause();
        for (const number of numbers) void theirs.call('send', number);
        await theirs.call('eventNames');
        await sleep(10);
        expect(got).to.deep.equal([]);
        pausing.resume();
        await until(() => got.length === numbers.length);
        expect(got).to.deep.equal(numbers);
      }
    },
    destroy: async () => {
      const { server, connection, theirs } = this;
      const statuses = theirs.all('status').length;
      expect(connection.destroy('now')).to.equal(true);
      expect(server.connections).to.deep.equal([]);
      expect((await theirs.heard('status', statuses + 2)).slice(statuses)).to.deep.equal([[4], [5]]);
    },
  };
}

describe('net-ipc 2.2.2', () => {
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bb-'));
    real = new NetIpcProcess();
    await real.started();
  });
  after(async () => {
    await real.end();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const role of roles) {
    for (const transport of transports) {
      for (const codec of codecs) {
        describe(`${role} - ${transport.name}, ${codec.name}`, () => {
          let pair: OurClient | OurServer;
          beforeEach(async () => {
            pair = role === roles[0] ? new OurClient() : new OurServer();
            await pair.open(transport, codec);
          });
          afterEach(() => pair.close());
          for (const verb of verbs) {
            it(`${verb} works`, async () => {
              await pair.verbs[verb]();
              outcomes.passed(role, transport, codec, verb);
            });
          }
        });
      }
    }
  }

  describe('outcomes', () => {
    it('stand as a table in docs/migrating-from-net-ipc.md', () => {
      expect(readFileSync('docs/migrating-from-net-ipc.md', 'utf8')).to.include(outcomes.table());
    });
  });
});
