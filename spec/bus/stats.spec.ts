import { inspect } from 'node:util';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, Connection, definePlugin, type Lane, Server, type Sighting } from '../../lib/index.ts';
import { MemoryNetwork } from '../../lib/testing/index.ts';
import { contract, json, native, until } from '../support/buses.ts';

const plugged = definePlugin<Lane, Lane>({
  name: 'plugged',
  server: (host) => ({
    api: host.lane({ request: (data) => data, message() {} }),
    stats: () => ({ things: 3 }),
  }),
  client: (host) => ({ api: host.lane({ request: (data) => data, message() {} }) }),
});

contract(
  'stats',
  (bus) => {
    it('count messages, requests and bytes each way, the server all that its connections did', async () => {
      const { server, client, connection } = await bus().pair();
      const heard: unknown[] = [];
      server.on('message', (message) => heard.push(message));
      client.on('message', (message) => heard.push(message));
      server.handle((data) => data);
      for (let count = 0; count < 3; count++) await client.send({ count });
      expect(await client.request('what')).to.equal('what');
      await connection.send('down');
      await server.broadcast('all');
      await until(() => heard.length === 5);
      const [own, theirs, all] = [client.stats(), connection.stats(), server.stats()];
      expect(own.messages).to.deep.equal({ sent: 3, received: 2 });
      expect(own.requests).to.deep.equal({ sent: 1, received: 0, open: 0 });
      expect(theirs.messages).to.deep.equal({ sent: 2, received: 3 });
      expect(theirs.requests).to.deep.equal({ sent: 0, received: 1, open: 0 });
      expect(own.bytes.sent).to.equal(theirs.bytes.received).and.be.greaterThan(30);
      expect(theirs.bytes.sent).to.equal(own.bytes.received).and.be.greaterThan(10);
      expect(own.lanes['0']).to.deep.equal({
        messages: own.messages,
        requests: { sent: 1, received: 0 },
        bytes: own.bytes,
      });
      expect(own.roundTripMs.count).to.equal(1);
      expect(theirs.handlerMs.count).to.equal(1);
      const { since, ...others } = all;
      const { since: _, ...ofConnection } = theirs;
      expect(others).to.deep.equal({ ...ofConnection, plugins: {} });
      expect(Math.abs(since - Date.now())).to.be.lessThan(60_000);
    });

    it('keep what connections did that went', async () => {
      const { server, client } = await bus().pair();
      const heard: unknown[] = [];
      server.on('message', (message) => heard.push(message));
      await client.send('first');
      await until(() => heard.length === 1);
      await client.close();
      await until(() => server.connections.length === 0);
      expect(server.stats().messages).to.deep.equal({ sent: 0, received: 1 });
      const other = await bus().client();
      await other.send('second');
      await until(() => heard.length === 2);
      expect(server.stats().messages.received).to.equal(2);
      expect(server.stats().resumes).to.deep.equal({ fresh: 2, resumed: 0, lost: 0 });
    });
  },
  { speaking: [native, json], on: ['unix'] },
);

describe('stats', () => {
  async function world(options: object = {}): Promise<{ server: Server; client: Client; end(): Promise<void> }> {
    const network = new MemoryNetwork();
    const server = await new Server({ url: 'memory:stats', network, ...options }).start();
    const client = new Client({ url: 'memory:stats', network });
    const end = async (): Promise<void> => {
      await client.close();
      await server.close();
    };
    return { server, client, end };
  }

  it('lanes - each plugin has its own, and what a peer calls a lane that is not here is counted as other', async () => {
    const { server, client, end } = await world();
    server.use(plugged);
    const lane = client.use(plugged);
    const evil = client.use({ ...plugged, name: 'evil{job="x"}\n' });
    await client.connect();
    await lane.send(client, 'x');
    expect(await lane.request(client, 'y')).to.equal('y');
    await evil.request(client, 'z').catch(() => {});
    const { lanes, plugins } = server.stats();
    expect(Object.keys(lanes)).to.have.members(['0', 'plugged', 'other']);
    expect(lanes.plugged?.messages).to.deep.equal({ sent: 0, received: 1 });
    expect(lanes.plugged?.requests).to.deep.equal({ sent: 0, received: 1 });
    expect(lanes.plugged?.bytes.sent).to.be.greaterThan(0);
    expect(plugins.plugged).to.deep.equal({ things: 3 });
    await end();
  });

  it('what waits - is counted as it is now: unacknowledged, open, in parts', async () => {
    const { server, client, end } = await world({ maxUnackedBytes: 1_024 });
    await client.connect();
    const [connection] = server.connections;
    client.pause();
    let release = (): void => {};
    server.handle(() => new Promise((resolve) => (release = () => resolve(undefined))));
    const asked = client.request('slow');
    await until(() => server.stats().requests.received === 1);
    expect(client.stats().requests.open).to.equal(1);
    release();
    await asked;
    expect(client.stats().requests.open).to.equal(0);
    await until(() => client.stats().unacknowledged.messages <= 1);
    void connection?.send(Buffer.alloc(500_000));
    const last = connection?.send('waits');
    const { waiting, messages } = connection?.stats() ?? {};
    expect(waiting?.messages).to.be.greaterThan(0);
    expect(messages?.sent).to.be.lessThan(3);
    client.resume();
    await last;
    await connection?.flush();
    expect(connection?.stats().waiting).to.deep.equal({ messages: 0, bytes: 0 });
    expect(connection?.stats().messages.sent).to.equal(2);
    expect(connection?.stats().bytes.sent).to.be.greaterThan(500_000);
    expect(client.stats().bytes.received).to.equal(connection?.stats().bytes.sent);
    await end();
  });

  it('refusals - have their codes, at the server and at the client', async () => {
    const { server, client, end } = await world({ authorize: () => false });
    const error = await client.connect().catch((refusal: unknown) => refusal);
    expect((error as { code: string }).code).to.equal('ERR_UNAUTHORIZED');
    expect(server.stats().refused).to.deep.equal({ ERR_UNAUTHORIZED: 1 });
    expect(client.stats().refused).to.deep.equal({ ERR_UNAUTHORIZED: 1 });
    await end();
  });

  it('what is printed, and made JSON of, says what matters', async () => {
    const { server, client, end } = await world();
    await client.connect();
    const [connection] = server.connections;
    expect(connection).to.be.instanceOf(Connection);
    const text = inspect(server);
    expect(text)
      .to.match(/^Server \{/)
      .and.include("address: 'memory:stats'")
      .and.include('connections: 1');
    expect(inspect(client))
      .to.match(/^Client \{/)
      .and.include("status: 'READY'");
    expect(inspect(connection))
      .to.match(/^Connection \{/)
      .and.include('attached: true');
    expect(inspect({ a: { b: { c: server } } })).to.include('c: [Server]');
    expect(JSON.parse(JSON.stringify({ server, client, connection }))).to.have.nested.property(
      'server.stats.messages.sent',
      0,
    );
    await end();
  });

  it('watch - shows what goes by on all lanes, both ways, while somebody looks', async () => {
    const { server, client, end } = await world({ redact: ['password', 'card.number'] });
    const seen: Sighting[] = [];
    let watch: () => () => void = () => () => {};
    let shown: unknown;
    server.use({
      name: 'looker',
      install(host) {
        watch = () =>
          host.watch({
            saw: (sighting) => {
              seen.push(sighting);
              shown = host.show(sighting.data);
            },
          });
        return { api: undefined };
      },
    });
    server.use(plugged);
    const lane = client.use(plugged);
    server.handle(() => 'answer');
    await client.connect();
    await client.send('unseen');
    await until(() => server.stats().messages.received === 1);
    const stop = watch();
    const [connection] = server.connections;
    await client.request({ password: 'x', deep: [{ card: { number: 7, name: 'n' } }] });
    expect(shown).to.deep.equal({ data: 'answer', cut: false });
    await lane.send(client, 'on a lane');
    await until(() => seen.length === 3);
    await connection?.send('down');
    await until(() => seen.length === 4);
    const told = seen.map(({ direction, kind, lane: name, data }) => [direction, kind, name, data]);
    expect(told).to.deep.equal([
      ['in', 'request', '', { password: 'x', deep: [{ card: { number: 7, name: 'n' } }] }],
      ['out', 'response', '', 'answer'],
      ['in', 'message', 'plugged', 'on a lane'],
      ['out', 'message', '', 'down'],
    ]);
    expect(seen.every(({ peer, bytes }) => peer === connection && bytes > 12)).to.equal(true);
    expect(seen[0]?.id).to.equal(seen[1]?.id).and.be.greaterThan(0);
    stop();
    await client.request('unseen');
    expect(seen.length).to.equal(4);
    await end();
  });
});
