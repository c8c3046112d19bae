import { expect } from 'chai';
import { it } from 'mocha';
import { contract, dialects, json, native, next, rejected, sleep, until } from '../support/buses.ts';

/** Every dialect and codec once; coming back takes its time. */
const enough = dialects.filter(({ name }) => name !== 'net-ipc MessagePack' && name !== 'net-ipc JSON, deflate');

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
