import { expect } from 'chai';
import { it } from 'mocha';
import type { SessionInfo, UndeliveredMessage } from '../../lib/index.ts';
import { contract, json, native, next, rejected, sleep, until } from '../support/buses.ts';

const session = { speaking: [native, { ...native, name: 'native, deflate', client: { compress: true } }] };

contract(
  'sessions',
  (bus) => {
    it('resume after each cut, with everything once and in order both ways', async () => {
      const { server, client, connection } = await bus().pair();
      expect(client.delivery).to.equal('session');
      expect(connection.delivery).to.equal('session');
      const up: number[] = [];
      const down: number[] = [];
      const outcomes: SessionInfo[] = [];
      server.on('message', (message) => up.push(message as number));
      client.on('message', (message) => down.push(message as number));
      client.on('session', (info) => outcomes.push(info));
      for (let cut = 0; cut < 3; cut++) {
        for (let i = 0; i < 200; i++) {
          await client.send(cut * 200 + i);
          await connection.send(cut * 200 + i);
          if (i === 100) bus().cut(connection);
        }
        await until(() => outcomes.length === cut + 1);
      }
      await client.flush();
      await connection.flush();
      const expected = Array.from({ length: 600 }, (_, i) => i);
      expect(up).to.deep.equal(expected);
      expect(down).to.deep.equal(expected);
      expect(outcomes).to.deep.equal(Array(3).fill({ outcome: 'resumed', id: client.id }));
      expect(server.connections).to.deep.equal([connection]);
    });

    it('carry a request, and its answer, over a cut', async () => {
      const { server, client, connection } = await bus().pair();
      let answer: ((value: string) => void) | undefined;
      server.handle(() => new Promise<string>((resolve) => (answer = resolve)));
      const asked = client.request('question');
      await until(() => answer !== undefined);
      bus().cut(connection);
      answer?.('late but safe');
      expect(await asked).to.equal('late but safe');
    });

    it('confirm what the handler took, and not before', async () => {
      const { server, client } = await bus().pair();
      const taken: unknown[] = [];
      server.on('message', (message) => taken.push(message));
      server.pause();
      let confirmed = false;
      const sent = client.send('held', { confirm: true }).then(() => (confirmed = true));
      await sleep(30);
      expect(confirmed).to.equal(false);
      expect(taken).to.deep.equal([]);
      server.resume();
      await sent;
      expect(taken).to.deep.equal(['held']);
    });

    it('return exactly the unacknowledged tail when they are lost', async () => {
      const { server, client } = await bus().pair();
      server.on('message', () => {});
      await client.send('arrived', { confirm: true });
      server.pause();
      for (let i = 0; i < 5; i++) await client.send(i);
      const confirmed = rejected(client.send('unsure', { confirm: true }));
      await sleep(20);
      const undelivered = next(client, 'undelivered');
      const again = next(client, 'session');
      server.connections[0]?.destroy('enough');
      expect(await undelivered).to.deep.equal([[0, 1, 2, 3, 4].map((data) => ({ data }))]);
      expect((await confirmed).code).to.equal('ERR_SESSION_LOST');
      expect((await again)[0]).to.have.property('outcome', 'fresh');
    });

    it('send the tail again in the next session where the user chose so', async () => {
      const { server, client } = await bus().pair({}, { onLost: 'resend' });
      const reported: UndeliveredMessage[] = [];
      client.on('undelivered', (messages) => reported.push(...messages));
      server.pause();
      for (let i = 0; i < 5; i++) await client.send(i);
      await sleep(20);
      const taken: unknown[] = [];
      server.on('message', (message) => taken.push(message));
      server.connections[0]?.destroy('enough');
      void client.send('after');
      await next(client, 'ready');
      server.resume();
      await client.flush();
      expect(taken).to.deep.equal([0, 1, 2, 3, 4, 'after']);
      expect(reported).to.deep.equal([]);
    });

    it('send the tail again but for what the next session cannot take, which is reported', async () => {
      const { server, client, connection } = await bus().pair({}, { onLost: 'resend' });
      const reported: UndeliveredMessage[] = [];
      client.on('undelivered', (messages) => reported.push(...messages));
      server.pause();
      const large = 'x'.repeat(5_000);
      for (const data of ['one', large, { an: 'object' }, 'last']) await client.send(data);
      await sleep(20);
      const over = server.close();
      bus().cut(connection);
      await over;
      const taken: unknown[] = [];
      const successor = bus().newServer({ maxMessageBytes: 1_024 });
      successor.on('message', (message) => taken.push(message));
      const again = next(client, 'session');
      await successor.start();
      await again;
      await client.flush();
      expect(taken).to.deep.equal(['one', { an: 'object' }, 'last']);
      expect(reported).to.deep.equal([{ data: large }]);
      expect(client.status).to.equal(3);
    });

    it('are lost with the server, and tell so', async () => {
      const { server, client } = await bus().pair();
      server.pause();
      await client.send('nobody took this');
      const undelivered = next(client, 'undelivered');
      const outcome = next(client, 'session');
      const failed = rejected(client.request('nor answered this', 5_000));
      await sleep(20);
      const connection = server.connections[0];
      const over = server.close();
      bus().cut(connection!);
      await over;
      await bus().server();
      expect(await undelivered).to.deep.equal([[{ data: 'nobody took this' }]]);
      expect((await failed).code).to.equal('ERR_SESSION_LOST');
      expect((await outcome)[0])
        .to.have.property('outcome')
        .that.is.oneOf(['lost', 'fresh']);
    });

    it('are given up after their grace, once', async () => {
      const { server, client, connection } = await bus().pair({ sessionGraceMs: 50 }, { reconnect: false });
      const reasons: unknown[] = [];
      server.on('disconnect', (_connection, reason) => reasons.push(reason));
      server.pause();
      bus().cut(connection);
      await next(client, 'close');
      await until(() => server.connections.length === 0);
      expect(reasons).to.have.length(1);
      expect(server.connection(connection.id)).to.equal(undefined);
    });
  },
  { on: ['memory', 'unix', 'tcp'], ...session },
);

contract(
  'sessions - strangers',
  (bus) => {
    it('do not resume by a public id, nor by a wrong token', async () => {
      const { server, connection } = await bus().pair();
      const { proves } = connection;
      expect(proves.call(connection, 'A'.repeat(22))).to.equal(false);
      const thief = await bus().client();
      expect(thief.id).to.not.equal(connection.id);
      expect(server.connections).to.have.length(2);
    });
  },
  { on: ['memory'], speaking: [native] },
);

contract(
  'legacy delivery',
  (bus) => {
    it('confirms nothing and says so', async () => {
      const { client, connection } = await bus().pair();
      expect(client.delivery).to.equal('legacy');
      expect((await rejected(client.send('x', { confirm: true }))).code).to.equal('ERR_PEER_LACKS_FEATURE');
      expect((await rejected(connection.send('x', { confirm: true }))).code).to.equal('ERR_PEER_LACKS_FEATURE');
    });

    it('never repeats or reorders what arrives, whatever breaks, and settles every promise', async () => {
      const { server, client } = await bus().pair();
      const taken: number[] = [];
      server.on('message', (message) => taken.push(message as number));
      const settled: Promise<unknown>[] = [];
      for (let i = 0; i < 300; i++) {
        settled.push(client.send(i));
        if (i % 100 === 50) {
          await sleep(1);
          bus().cut(server.connections[0]!);
          await next(client, 'ready');
        }
      }
      await Promise.allSettled(settled);
      await client.flush();
      await client.ping();
      expect(taken).to.deep.equal([...new Set(taken)].sort((a, b) => a - b));
      expect(taken.at(-1)).to.equal(299);
    });
  },
  { on: ['memory', 'unix'], speaking: [json] },
);
