import { expect } from 'chai';
import { it } from 'mocha';
import { contract, dialects, json, native, next, rejected, sleep, turn, until } from '../support/buses.ts';

/** Every dialect and codec once; coming back takes its time. */
const enough = dialects.filter(({ name }) => name !== 'net-ipc MessagePack' && name !== 'net-ipc JSON, deflate');

contract(
  'closing',
  (bus, dialect) => {
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
      expect(statuses).to.deep.equal([0]);
      expect(server.connections).to.deep.equal([]);
      expect(server.connection(connection.id)).to.equal(undefined);
      expect(await connection.close()).to.equal(false);
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

    it('settles within closeTimeoutMs, whatever the peer does', async () => {
      const { server, client } = await bus().pair({}, { closeTimeoutMs: 50 });
      server.on('request', () => {});
      const hanging = rejected(client.request('never', 0));
      const before = performance.now();
      expect(await client.close()).to.equal(true);
      expect(performance.now() - before).to.be.within(45, 500);
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
      const before = performance.now();
      expect(client.destroy('now')).to.equal(true);
      for (const error of await Promise.all(pending)) expect(error.code).to.equal('ERR_DESTROYED');
      expect(performance.now() - before).to.be.below(50);
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
      const before = performance.now();
      expect(connection.destroy('go')).to.equal(true);
      for (const error of await Promise.all(pending)) expect(error.code).to.equal('ERR_DESTROYED');
      expect(performance.now() - before).to.be.below(50);
      const [again] = await connected;
      expect(server.connections).to.deep.equal([again]);
      await until(() => client.status === 3);
    });
  },
  { speaking: enough },
);

contract(
  'a link that breaks',
  (bus, dialect) => {
    it('resumes the session with nothing lost, or begins another where the peer knows no sessions', async () => {
      const { server, client, connection } = await bus().pair();
      const up: unknown[] = [];
      const down: unknown[] = [];
      const gone: unknown[] = [];
      const outcomes: string[] = [];
      server.on('message', (message) => up.push(message));
      server.on('disconnect', (one) => gone.push(one));
      client.on('message', (message) => down.push(message));
      client.on('session', ({ outcome }) => outcomes.push(outcome));
      for (let round = 0; round < 3; round++) {
        const settled = next(client, dialect.tier === 'session' ? 'session' : 'ready');
        bus().cut(server.connections[0]!);
        for (let i = 0; i < 20; i++) {
          void client.send(round * 20 + i).catch(() => {});
          if (dialect.tier === 'session') void connection.send(round * 20 + i);
        }
        await settled;
      }
      if (dialect.tier === 'session') {
        const all = Array.from({ length: 60 }, (_, at) => at);
        await until(() => up.length === 60 && down.length === 60);
        expect([up, down]).to.deep.equal([all, all]);
        expect(server.connections).to.deep.equal([connection]);
        expect(gone).to.deep.equal([]);
        expect(outcomes).to.deep.equal(['resumed', 'resumed', 'resumed']);
      } else {
        expect(gone).to.have.length(3);
        expect(gone[0]).to.equal(connection);
        expect(new Set(gone).size).to.equal(3);
        expect(server.connections).to.have.length(1);
        expect([...up].sort((a, b) => Number(a) - Number(b))).to.deep.equal(up);
      }
      expect(await client.ping()).to.be.a('number');
      bus().takeErrors();
    });

    it('settles the questions that were open', async () => {
      const { server, client, connection } = await bus().pair();
      let asked = 0;
      server.handle(async () => {
        asked += 1;
        await sleep(30);
        return 'here';
      });
      const answer = client.request('x', 2_000).catch((error: { code: string }) => error.code);
      await until(() => asked === 1);
      bus().cut(connection);
      expect(await answer).to.equal(dialect.tier === 'session' ? 'here' : 'ERR_SESSION_LOST');
      expect(asked).to.equal(1);
      bus().takeErrors();
    });

    it('ends the client where reconnect is off', async () => {
      const { server, client, connection } = await bus().pair({ sessionGraceMs: 0 }, { reconnect: false });
      const closed = next(client, 'close');
      const gone = next(server, 'disconnect');
      bus().cut(connection);
      await Promise.all([closed, gone]);
      expect(client.status).to.equal(0);
      expect(server.connections).to.deep.equal([]);
      bus().takeErrors();
    });
  },
  { speaking: enough },
);

contract(
  'a session whose client stays away',
  (bus) => {
    it('is over after sessionGraceMs, with one disconnect', async () => {
      const { server, client, connection } = await bus().pair({ sessionGraceMs: 30 }, { reconnect: false });
      const gone: unknown[] = [];
      server.on('disconnect', (one) => gone.push(one));
      const undelivered = next(connection, 'undelivered');
      bus().cut(connection);
      await until(() => !connection.attached);
      void connection.send('into the void');
      const confirmed = rejected(connection.send('sure?', { confirm: true }));
      expect(server.connections).to.deep.equal([connection]);
      expect((await confirmed).code).to.equal('ERR_SESSION_LOST');
      expect(await undelivered).to.deep.equal([[{ data: 'into the void' }]]);
      expect(gone).to.deep.equal([connection]);
      expect(client.status).to.equal(0);
      bus().takeErrors();
    });
  },
  { speaking: [native] },
);

contract(
  'a client of the net-ipc dialect',
  (bus) => {
    it('keeps what is sent while it reconnects for the next connection', async () => {
      const { server, client } = await bus().pair();
      const got: unknown[] = [];
      server.on('message', (message) => got.push(message));
      server.connections[0]?.destroy();
      await until(() => client.status !== 3);
      await Promise.all([client.send(1), client.send(2)]);
      await until(() => got.length === 2);
      expect(got).to.deep.equal([1, 2]);
    });
  },
  { speaking: [json] },
);
