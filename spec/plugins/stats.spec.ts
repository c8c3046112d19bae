import { request } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, Server } from '../../lib/index.ts';
import { channels } from '../../lib/plugins/channels/index.ts';
import { cluster } from '../../lib/plugins/cluster/index.ts';
import { dispatch } from '../../lib/plugins/dispatch/index.ts';
import { fleet } from '../../lib/plugins/fleet/index.ts';
import { gateway } from '../../lib/plugins/gateway/index.ts';
import { interserve } from '../../lib/plugins/interserve/index.ts';
import { journal } from '../../lib/plugins/journal/index.ts';
import { proxy, remote } from '../../lib/plugins/rpc/index.ts';
import { services } from '../../lib/plugins/services/index.ts';
import { until } from '../support/buses.ts';

type Counts = Readonly<Record<string, number>>;

const nothing = fileURLToPath(new URL('../bus/last-words-program.js', import.meta.url));

describe('counts of plugins', () => {
  let folder: string;
  let server: Server;
  let client: Client;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bb-'));
    const path = join(folder, 'bus.sock');
    server = new Server({ path, journal: journal(join(folder, 'inbox')) });
    client = new Client({ path, journal: journal(join(folder, 'outbox')) });
    server.on('error', () => {});
    client.on('error', () => {});
  });

  afterEach(async () => {
    await client.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const of = (end: Pick<Server | Client, 'stats'>, name: string): Counts => end.stats().plugins[name] as Counts;

  it('each plugin - says what there is of it, as plain numbers by names that are not the peer’s, at both ends', async () => {
    const transfers = server.use(interserve());
    transfers.add('file');
    transfers.add('nobody');
    transfers.add('slow');
    server.use(dispatch());
    server.use(channels());
    const web = server.use(gateway({ http: { port: 0 }, websocket: { port: 0 } }));
    const hub = server.use(services());
    server.use(fleet({ idle: { file: nothing, count: 2 } }));
    server.use(cluster({ name: 'counted', node: 'here', nats: { servers: '127.0.0.1:9' } }));
    const received = client.use(interserve());
    const ports = client.use(dispatch());
    const rooms = client.use(channels());
    const own = client.use(services({ name: 'one' }));
    await server.start();
    await client.connect();
    const [connection] = server.connections;
    if (connection === undefined) throw new Error('nobody is here');

    const got = new Promise<void>((resolve) => received.receive('file', () => resolve()));
    await transfers.send('file', Buffer.from('12345'), connection).receipt;
    await got;
    expect(of(server, 'interserve')).to.include({ open: 0, openBytes: 0, sent: 1, sentBytes: 5, failed: 0 });
    await until(() => of(client, 'interserve')['received'] === 1);
    await transfers.send('nobody', 'x', connection).receipt.catch(() => {});
    expect(of(server, 'interserve')).to.include({ sent: 1, failed: 1 });

    let taken = (): void => {};
    received.receive('slow', () => new Promise<void>((resolve) => (taken = resolve)));
    const { receipt } = transfers.send('slow', Buffer.from('12345'), connection);
    await until(() => of(server, 'interserve')['openBytes'] === 5 && of(client, 'interserve')['openBytes'] === 5);
    expect([of(server, 'interserve')['open'], of(client, 'interserve')['open']]).to.deep.equal([1, 1]);
    taken();
    await receipt;
    expect(of(server, 'interserve')).to.include({ open: 0, openBytes: 0 });

    await ports.tcp({ port: 0, accept: '127.0.0.1' });
    expect(of(server, 'dispatch')).to.include({ tcpPorts: 1, udpPorts: 0, leases: 1, devices: 0 });
    expect(of(client, 'dispatch')).to.deep.equal({ ports: 1 });

    await rooms.create('room');
    const topics = ['a.*', 'b'].map((pattern) => rooms.subscribe(pattern, () => {}));
    await until(() => of(server, 'channels')['subscriptions'] === 2);
    topics[0]?.unsubscribe();
    await until(() => of(server, 'channels')['subscriptions'] === 1);
    expect(of(server, 'channels')).to.deep.equal({ rooms: 1, users: 0, subscriptions: 1 });

    const refused = async (port: number | undefined, headers: Record<string, string> = {}): Promise<void> => {
      const asked = request({ port, host: '127.0.0.1', path: '/nothing', headers, agent: false });
      await new Promise((resolve) => asked.once('response', resolve).once('error', resolve).end());
      asked.destroy();
    };
    await refused(web.http?.port);
    await refused(web.websocket?.port, { connection: 'upgrade', upgrade: 'websocket' });
    expect(of(server, 'gateway')).to.deep.equal({
      httpRequests: 0,
      httpRefused: 1,
      websockets: 0,
      websocketsRefused: 1,
      workers: 0,
    });

    own.provide('clock', { now: () => 1 });
    own.own('zones', { methods: ['ask'], open: () => ({ ask: () => 2 }) });
    await until(() => of(server, 'services')['services'] === 2);
    await hub.service<{ ask(): number }>('zones').key('a').call.ask();
    expect(of(server, 'services')).to.deep.equal({ members: 2, services: 2, keys: 1, waitingCalls: 0 });
    expect(of(client, 'services')).to.deep.equal({ services: 2, keys: 1 });

    let release = (): void => {};
    remote(client, { wait: () => new Promise<void>((resolve) => (release = resolve)) });
    const call = proxy<{ wait(): void }>(connection).wait();
    await until(() => of(client, 'rpc')['calls'] === 1);
    expect(of(client, 'rpc')).to.deep.equal({ objects: 1, peers: 1, calls: 1 });
    release();
    await call;
    expect(of(client, 'rpc')['calls']).to.equal(0);

    server.on('message', () => {});
    await client.send('kept', { durable: true });
    await until(() => Number(of(server, 'journal')['segments']) > 0);
    expect(of(server, 'journal')).to.include({ deadLetters: 0, backlogBytes: 0 });
    client.on('message', () => {});
    await connection.send('taken', { durable: true });
    await until(() => of(server, 'journal')['backlogBytes'] === 0);
    client.connection?.pause();
    await connection.send('kept', { durable: true });
    expect(of(server, 'journal')['backlogBytes']).to.be.greaterThan(0);
    client.connection?.resume();
    await until(() => of(server, 'journal')['backlogBytes'] === 0);
    expect(of(client, 'journal')['outboxBytes']).to.be.greaterThan(0);

    expect(of(server, 'fleet')).to.include({ groups: 1, up: 0, restarts: 0 });
    expect(of(server, 'cluster')).to.include({ joined: 0, nodes: 1, links: 0 });

    for (const end of [server, client]) {
      for (const [name, counts] of Object.entries(end.stats().plugins)) {
        const values = Object.values(counts as Counts);
        expect(values.length, name).to.be.within(1, 12);
        for (const value of values) expect(value, name).to.be.a('number').that.is.at.least(0);
      }
    }
  });
});
