import { expect } from 'chai';
import { it } from 'mocha';
import { Client, type Connection } from '../../lib/index.ts';
import { contract, dialects, next, rejected, until } from '../support/buses.ts';

const enough = dialects.filter(({ name }) => name === 'native' || name === 'net-ipc JSON');

contract(
  'links',
  (bus, { tier }) => {
    const keeps = tier === 'session';

    it('are told of by turns, from the first to the last, at both ends', async () => {
      const server = await bus().server();
      const here: unknown[] = [];
      const there: unknown[] = [];
      const seen = new Set<Connection>();
      server.on('link', (connection, up) => {
        expect(connection.attached).to.equal(up);
        there.push(up);
      });
      server.on('connect', (connection) => {
        seen.add(connection);
        there.push('connect');
        connection.on('link', (up) => there.push(`own ${up}`));
        connection.on('session', ({ outcome }) => there.push(outcome));
      });
      server.on('disconnect', () => there.push('disconnect'));
      const client = bus().newClient();
      client.on('link', (up) => {
        expect(client.linkKind !== undefined).to.equal(up);
        expect(client.status === 3).to.equal(up);
        here.push(up);
      });
      client.on('ready', () => here.push('ready'));
      client.on('session', ({ outcome }) => here.push(outcome));
      client.on('close', () => here.push('close'));
      await client.connect();
      for (let cut = 0; cut < 2; cut++) {
        const back = next(client, 'session');
        bus().cut(server.connections[0]!);
        await back;
        await until(() => there.filter((event) => event === true).length === cut + 2);
      }
      await client.close();
      await until(() => server.connections.length === 0);
      const again = keeps ? [false, true, 'resumed'] : [false, 'ready', true, 'fresh'];
      expect(here).to.deep.equal(['ready', true, 'fresh', ...again, ...again, false, 'close']);
      const first = ['connect', 'own true', true, 'fresh'];
      const broken = ['own false', false];
      const resumed = ['own true', true, 'resumed'];
      const next_ = keeps ? [...broken, ...resumed] : [...broken, 'disconnect', ...first];
      expect(there).to.deep.equal([...first, ...next_, ...next_, ...broken, 'disconnect']);
      expect(seen.size).to.equal(keeps ? 1 : 3);
      bus().takeErrors();
    });

    it('that a listener of the session ends at once - are not told of', async () => {
      const server = await bus().server();
      const there: unknown[] = [];
      server.on('link', (_connection, up) => there.push(up));
      server.once('connect', (connection) => void connection.destroy('no'));
      const here: unknown[] = [];
      const client = bus().newClient({ reconnect: false });
      client.on('link', (up) => here.push(up));
      client.on('ready', () => void client.destroy());
      await client.connect().catch(() => {});
      await until(() => client.status === 0 && server.connections.length === 0);
      expect(here).to.deep.equal([]);
      expect(there).to.deep.equal([]);
      bus().takeErrors();
    });

    it('may be ended by who hears of them', async () => {
      const { server, client, connection } = await bus().pair();
      const there: unknown[] = [];
      server.on('link', (one, up) => {
        there.push(up);
        one.destroy('enough');
      });
      client.on('link', (up) => void (up || client.destroy()));
      const gone = next(server, 'disconnect');
      const closed = next(client, 'close');
      bus().cut(connection);
      await Promise.all([gone, closed]);
      expect(there).to.deep.equal([false]);
      expect(client.status).to.equal(0);
      expect(server.connections).to.deep.equal([]);
      bus().takeErrors();
    });
  },
  { speaking: enough },
);

contract(
  'a server that stays away',
  (bus) => {
    /** What `client` tells of its attempts, and which waits come before them. */
    function attemptsOf(client: Client): { readonly told: unknown[]; readonly waits: number[] } {
      const told: unknown[] = [];
      const waits: number[] = [];
      client.on('error', ({ code }) => told.push(code));
      client.on('retry', ({ attempt, waitMs }) => {
        waits.push(waitMs);
        told.push(attempt);
      });
      return { told, waits };
    }
    const options = { maxRetryTime: 100, handshakeTimeoutMs: 1_000 };

    it('is told of at each attempt of the first connect()', async () => {
      const nobody = await bus().server();
      await nobody.close();
      const client = bus().newClient({ ...options, retries: 3 });
      const { told, waits } = attemptsOf(client);
      expect((await rejected(client.connect())).code).to.equal('ERR_CONNECT');
      const round = ['ERR_CONNECT', 1, 'ERR_CONNECT', 2, 'ERR_CONNECT', 3, 'ERR_CONNECT'];
      expect(told).to.deep.equal(round);
      await rejected(client.connect());
      expect(told).to.deep.equal([...round, ...round]);
      expect(waits).to.deep.equal([100, 100, 100, 100, 100, 100]);
    });

    it('is told of at each attempt after a link that broke, counted anew each time; the first one comes at once, unless links break often', async () => {
      let server = await bus().server();
      const client = await bus().client(options);
      const { told, waits } = attemptsOf(client);
      for (let round = 0; round < 2; round++) {
        const closed = server.close();
        bus().cut(server.connections[0]!);
        await closed;
        await until(() => told.length >= 6);
        const back = next(client, 'session');
        server = await bus().server();
        await back;
        expect(told.slice(0, 6)).to.deep.equal([1, 'ERR_CONNECT', 2, 'ERR_CONNECT', 3, 'ERR_CONNECT']);
        expect(waits[0]).to.be.within(0, round === 0 ? 3 : 100);
        expect(waits.slice(1, 3)).to.deep.equal([100, 100]);
        told.length = waits.length = 0;
      }
      bus().takeErrors();
    });

    it('hurts nobody who does not listen', async () => {
      const nobody = await bus().server();
      await nobody.close();
      const client = bus().newClient({ ...options, retries: 1 });
      client.removeAllListeners('error');
      expect((await rejected(client.connect())).code).to.equal('ERR_CONNECT');
    });

    for (const event of ['error', 'retry'] as const) {
      it(`may be given up by a listener of ${event}`, async () => {
        const nobody = await bus().server();
        await nobody.close();
        const client = bus().newClient({ ...options, retries: 5 });
        let heard = 0;
        client.on(event, () => {
          heard += 1;
          client.destroy();
        });
        expect((await rejected(client.connect())).code).to.equal('ERR_DESTROYED');
        expect(heard).to.equal(1);
        expect(client.status).to.equal(0);
      });
    }
  },
  { speaking: enough },
);
