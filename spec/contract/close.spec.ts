import { expect } from 'chai';
import { it } from 'mocha';
import type { Client, Connection, Server } from '../../lib/index.ts';
import { contract, dialects, next, rejected, sleep, turn, until } from '../support/buses.ts';
import { stopwatch } from '../support/stopwatch.ts';

interface Pair {
  readonly server: Server;
  readonly client: Client;
  readonly connection: Connection;
}

/** Every dialect and codec once; coming back takes its time. */
const enough = dialects.filter(({ name }) => name !== 'net-ipc MessagePack' && name !== 'net-ipc JSON, deflate');

contract(
  'closing',
  (bus, dialect) => {
    it('a reason that cannot be encoded does not travel, and keeps nobody from closing', async () => {
      const circular: Record<string, unknown> = {};
      circular['self'] = circular;
      const { server, client } = await bus().pair();
      const gone = next(server, 'disconnect');
      expect(await client.close(circular)).to.equal(true);
      expect((await gone)[1]).to.equal(undefined);
      const [second, third] = [await bus().client({ reconnect: false }), await bus().client({ reconnect: false })];
      const gones = [next(server, 'disconnect'), next(server, 'disconnect')];
      expect(second.destroy(circular)).to.equal(true);
      await gones[0];
      await server.connections[0]?.close(circular);
      await until(() => third.status === 0);
      expect(server.connections).to.deep.equal([]);
    });

    it('a client tells the server its reason, once', async () => {
      const { server, client, connection } = await bus().pair();
      const closes: unknown[] = [];
      const gone: unknown[] = [];
      const statuses: number[] = [];
      client.on('close', (reason) => closes.push(reason));
      client.on('status', (status) => statuses.push(status));
      server.on('disconnect', (...args) => gone.push(args));
      expect(await client.close({ why: 'tired' })).to.equal(true);
      expect(await client.close()).to.equal(false);
      expect([client.status, client.id, client.connection]).to.deep.equal([0, undefined, undefined]);
      await until(() => gone.length === 1);
      expect(gone).to.deep.equal([[connection, { why: 'tired' }]]);
      expect(closes).to.deep.equal([{ why: 'tired' }]);
      expect(statuses).to.deep.equal([4, 0]);
      expect(server.connections).to.deep.equal([]);
      expect(server.connection(connection.id)).to.equal(undefined);
      expect(await connection.close()).to.equal(false);
    });

    const ways = {
      'client.close': ({ client }) => client.close(),
      'client.destroy': ({ client }) => client.destroy(),
      'connection.close': ({ connection }) => connection.close(),
      'server.close': ({ server }) => server.close(),
      'a lost link without reconnect': ({ connection }) => bus().cut(connection),
    } satisfies Record<string, (pair: Pair) => unknown>;
    for (const [way, leave] of Object.entries(ways)) {
      it(`${way} - goes by status 4 to 0, and disconnect comes while the connection is listed`, async () => {
        const graces = { sessionGraceMs: 0 };
        const pair = await bus().pair(graces, way.startsWith('a lost') ? { reconnect: false } : {});
        const { server, client, connection } = pair;
        const other = await bus().client();
        const heard: unknown[] = [];
        client.on('status', (status) => heard.push([status, client.status]));
        client.once('close', () => heard.push('close'));
        const listed: unknown[] = [];
        const told: unknown[] = [];
        other.on('message', (message) => told.push(message));
        server.on('disconnect', (gone) => {
          if (gone !== connection) return;
          listed.push(server.connections.includes(gone), server.connection(gone.id) === gone);
          if (way === 'server.close') return;
          // It is seen, and gets nothing: no error comes of this.
          void server.broadcast('left');
          void server.survey('who', { timeout: 50 }).then((results) => listed.push(results.length));
        });
        await leave(pair);
        await until(() => heard.includes('close') && listed.length >= (way === 'server.close' ? 2 : 3));
        expect(heard).to.deep.equal([[4, 4], [0, 0], 'close']);
        expect(listed.slice(0, 2)).to.deep.equal([true, true]);
        if (way !== 'server.close' && !way.startsWith('a lost')) {
          await until(() => told.length === 1);
          expect(listed[2]).to.equal(1);
        }
        expect(server.connections.includes(connection)).to.equal(false);
        expect(server.connection(connection.id)).to.equal(undefined);
      });
    }

    it('a connection that closes is passed over by broadcasts, and no error comes of them', async () => {
      const { server, client, connection } = await bus().pair();
      const other = await bus().client();
      const told: unknown[] = [];
      client.on('message', (message) => told.push(message));
      const heard = next(other, 'message');
      const closed = connection.close('bye');
      await Promise.all([server.broadcast('go on'), server.broadcast('go on', { to: connection })]);
      expect(await heard).to.deep.equal(['go on']);
      expect(await closed).to.equal(true);
      expect(told).to.deep.equal([]);
    });

    it('a connection tells the client its reason, and the client stays away', async () => {
      const { server, client, connection } = await bus().pair();
      const closed = next(client, 'close');
      const gone = next(server, 'disconnect');
      expect(await connection.close('permission denied')).to.equal(true);
      expect(await closed).to.deep.equal(['permission denied']);
      expect(await gone).to.deep.equal([connection, 'permission denied']);
      await sleep(150);
      expect(client.status).to.equal(0);
      expect(server.connections).to.deep.equal([]);
    });

    it('a connection with allowReconnect has the client come back by itself', async () => {
      const { server, client, connection } = await bus().pair();
      const statuses: number[] = [];
      client.on('status', (status) => statuses.push(status));
      client.on('close', () => statuses.push(-1));
      const connected = next(server, 'connect');
      const ready = next(client, 'ready');
      expect(await connection.close('later', true)).to.equal(true);
      await ready;
      const [again] = await connected;
      expect(again).to.not.equal(connection);
      expect(server.connections).to.deep.equal([again]);
      expect(statuses).to.deep.equal([4, 5, 1, 2, 3]);
      expect(await client.ping()).to.be.a('number');
    });

    it('finishes what is owed: requests made and requests being answered', async () => {
      for (const closer of ['client', 'connection'] as const) {
        const { server, client, connection } = await bus().pair();
        const answer = async (request: unknown): Promise<unknown> => {
          await sleep(10);
          return request;
        };
        server.handle(answer);
        client.handle(answer);
        const wanted = Array.from({ length: 100 }, (_, at) => at);
        const up = Promise.all(wanted.map((at) => client.request(at)));
        const down = Promise.all(wanted.map((at) => connection.request(at)));
        // The ones that came in before the close are owed an answer.
        await client.ping();
        await connection.ping();
        expect(await (closer === 'client' ? client : connection).close()).to.equal(true);
        expect(await up).to.deep.equal(wanted);
        expect(await down).to.deep.equal(wanted);
        await until(() => server.connections.length === 0);
        await client.close();
        await server.close();
      }
    });

    it('sends what was accepted before', async () => {
      const { server, client, connection } = await bus().pair();
      let up = 0;
      let down = 0;
      server.on('message', () => (up += 1));
      client.on('message', () => (down += 1));
      for (let i = 0; i < 2_000; i++) void client.send({ at: i, text: 'x'.repeat(200) });
      await client.close();
      await until(() => up === 2_000);
      await client.connect();
      const again = server.connections.find((one) => one !== connection)!;
      for (let i = 0; i < 2_000; i++) void again.send({ at: i, text: 'x'.repeat(200) });
      await again.close();
      await until(() => down === 2_000);
    });

    it('lets nothing that arrives after it reach a handler', async () => {
      const { server, client, connection } = await bus().pair();
      let release: (() => void) | undefined;
      client.handle(() => new Promise<void>((resolve) => (release = resolve)));
      let late = 0;
      client.on('message', () => (late += 1));
      const owed = connection.request('owed');
      await until(() => release !== undefined);
      const closed = client.close();
      await turn();
      void connection.send('late').catch(() => {});
      const unheard = rejected(connection.request('late', 2_000));
      await sleep(20);
      release?.();
      await owed;
      expect(await closed).to.equal(true);
      expect(late).to.equal(0);
      expect((await unheard).code).to.be.oneOf(['ERR_CLOSED', 'ERR_SESSION_LOST']);
      await until(() => server.connections.length === 0);
    });

    if (dialect.tier === 'session') {
      it('of both ends at once delivers what either sent before', async () => {
        for (const inOneTurn of [true, false]) {
          const { server, client, connection } = await bus().pair({}, {});
          const taken: unknown[] = [];
          server.on('message', (message) => taken.push(message));
          client.on('message', (message) => taken.push(message));
          client.on('undelivered', (messages) => taken.push('undelivered', ...messages));
          connection.on('undelivered', (messages) => taken.push('undelivered', ...messages));
          let answer: (() => void) | undefined;
          server.handle((request) => new Promise((resolve) => (answer = () => resolve(request))));
          client.handle((request) => request);
          const answers = [client.request('up')];
          await until(() => answer !== undefined);
          void client.send(1);
          if (inOneTurn) answers.push(connection.request('down'));
          const elapsedMs = stopwatch();
          const closed = client.close();
          if (!inOneTurn) {
            await sleep(20);
            answers.push(connection.request('down'));
          }
          void connection.send(2);
          const both = Promise.all([closed, server.close()]);
          await sleep(20);
          answer?.();
          await both;
          expect(elapsedMs()).to.be.below(500);
          expect(await Promise.all(answers)).to.deep.equal(['up', 'down']);
          expect(taken).to.have.members([1, 2]);
          await server.close();
        }
      });
    }

    it('settles within closeTimeoutMs, whatever the peer does', async () => {
      const { server, client } = await bus().pair({}, { closeTimeoutMs: 50 });
      server.on('request', () => {});
      const hanging = rejected(client.request('never', 0));
      const before = performance.now();
      const elapsedMs = stopwatch();
      expect(await client.close()).to.equal(true);
      expect(performance.now() - before).to.be.above(45);
      expect(elapsedMs()).to.be.below(500);
      expect((await hanging).code).to.equal('ERR_CLOSED');
    });

    it('the server closes every connection, and says so', async () => {
      const { server, client } = await bus().pair();
      const other = await bus().client();
      const closes = [next(client, 'close'), next(other, 'close')];
      const closed = next(server, 'close');
      const both = [server.close(), server.close()];
      expect(await Promise.all(both)).to.deep.equal([server, server]);
      await closed;
      expect(await Promise.all(closes)).to.deep.equal([['Server was shut down'], ['Server was shut down']]);
      expect(server.connections).to.deep.equal([]);
      expect(await server.close()).to.equal(server);
    });

    it('the server with allowReconnect has the clients come back to the next one', async () => {
      const { server, client } = await bus().pair();
      const back = next(client, 'ready');
      await server.close(true);
      await until(() => client.status !== 3);
      const address = bus().kind === 'tcp' || bus().kind === 'tls' ? { port: bus().port } : {};
      const successor = await bus().server(address);
      await back;
      expect(successor.connections).to.have.length(1);
      successor.handle(() => 'successor');
      expect(await client.request('who?')).to.equal('successor');
    });

    it('while reconnecting ends that and resolves true', async () => {
      const { server, client } = await bus().pair();
      await server.close(true);
      await until(() => client.status === 5);
      const waiting = dialect.tier === 'legacy' ? rejected(client.send('waits')) : undefined;
      const closes: unknown[] = [];
      client.on('close', (reason) => closes.push(reason));
      expect(await client.close('enough')).to.equal(true);
      expect(client.status).to.equal(0);
      expect(closes).to.deep.equal(['enough']);
      if (waiting !== undefined) expect((await waiting).code).to.equal('ERR_CLOSED');
    });

    it('happens at the end of an await using block', async () => {
      const { server, client } = await bus().pair();
      await client[Symbol.asyncDispose]();
      expect(client.status).to.equal(0);
      await server[Symbol.asyncDispose]();
      expect(server.address).to.equal(undefined);
      await bus().server(bus().port === 0 ? {} : { port: bus().port });
    });
  },
  { speaking: enough },
);

contract(
  'destroying',
  (bus) => {
    it('a client rejects everything pending at once and ends for good', async () => {
      const { server, client, connection } = await bus().pair();
      server.on('request', () => {});
      const pending = Array.from({ length: 100 }, (_, at) => rejected(client.request(at, 0)));
      pending.push(rejected(client.ping('x'.repeat(100_000))));
      const gone = next(server, 'disconnect');
      const closed = next(client, 'close');
      const elapsedMs = stopwatch();
      expect(client.destroy('now')).to.equal(true);
      for (const error of await Promise.all(pending)) expect(error.code).to.equal('ERR_DESTROYED');
      expect(elapsedMs()).to.be.below(2_000);
      expect(client.destroy()).to.equal(false);
      expect(await closed).to.deep.equal(['now']);
      expect(await gone).to.deep.equal([connection, 'now']);
      await sleep(150);
      expect(client.status).to.equal(0);
    });

    it('a connection rejects everything pending at once, and the client comes back', async () => {
      const { server, client, connection } = await bus().pair();
      client.on('request', () => {});
      const pending = Array.from({ length: 100 }, (_, at) => rejected(connection.request(at, 0)));
      const connected = next(server, 'connect');
      const elapsedMs = stopwatch();
      expect(connection.destroy('go')).to.equal(true);
      for (const error of await Promise.all(pending)) expect(error.code).to.equal('ERR_DESTROYED');
      expect(elapsedMs()).to.be.below(2_000);
      const [again] = await connected;
      expect(server.connections).to.deep.equal([again]);
      await until(() => client.status === 3);
    });
  },
  { speaking: enough },
);
