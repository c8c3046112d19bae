import { expect } from 'chai';
import { it } from 'mocha';
import type { Client, Connection, Server, SlowInfo } from '../../lib/index.ts';
import { contract, native, next, rejected, sleep, until } from '../support/buses.ts';
import { stopwatch } from '../support/stopwatch.ts';

const kilobyte = Buffer.alloc(1_000, 1);

/** A client whose process reads nothing, as if it were stopped, and one that is well. */
async function stalledAndHealthy(
  server: Server,
  newClient: () => Promise<Client>,
): Promise<{ stalled: Connection; healthy: Connection; arrived: () => number }> {
  const bad = await newClient();
  const stalled = server.connection(bad.id ?? '');
  bad.connection?.pause();
  const good = await newClient();
  const healthy = server.connection(good.id ?? '');
  let count = 0;
  good.on('message', () => count++);
  if (stalled === undefined || healthy === undefined) throw new Error('not connected');
  return { stalled, healthy, arrived: () => count };
}

contract(
  'slow consumers',
  (bus) => {
    const limits = { maxUnackedBytes: 100_000, slowConsumerMs: 200 };
    /** The same where one is well, and must not be taken for slow on a busy machine. */
    const patient = { ...limits, slowConsumerMs: 1_500 };

    it('are not those that asked for a pause, though messages were under way', async () => {
      const { server, client, connection } = await bus().pair({ ...limits, slowConsumer: 'disconnect' });
      const got: unknown[] = [];
      let slow = 0;
      server.on('slow', () => (slow += 1));
      client.on('message', (message) => {
        got.push(message);
        client.pause();
      });
      for (let number = 0; number < 3; number++) void connection.send(number);
      await sleep(600);
      expect([got, slow, connection.attached]).to.deep.equal([[0], 0, true]);
      client.removeAllListeners('message');
      client.on('message', (message) => got.push(message));
      client.resume();
      await until(() => got.length === 3);
      expect(got).to.deep.equal([0, 1, 2]);
    });

    it('are disconnected with an event, under that policy, and delay nobody', async () => {
      const server = await bus().server({ ...patient, slowConsumer: 'disconnect' });
      const { stalled, arrived } = await stalledAndHealthy(server, () => bus().client({ reconnect: false }));
      const slow = next(server, 'slow');
      const gone = next(server, 'disconnect');
      for (let i = 0; i < 2_000; i++) await server.broadcast(kilobyte);
      const [info] = (await slow) as [SlowInfo];
      expect(info.peer).to.equal(stalled);
      expect(info.policy).to.equal('disconnect');
      expect(info.bytes).to.be.within(100_000, 110_000);
      expect((await gone)[0]).to.equal(stalled);
      await until(() => arrived() === 2_000);
      expect(new Set(bus().takeErrors())).to.deep.equal(new Set(['ERR_SLOW_CONSUMER']));
    });

    it('keep their sends waiting by default, while broadcasts give them up', async () => {
      const server = await bus().server(patient);
      const { stalled, healthy, arrived } = await stalledAndHealthy(server, () => bus().client({ reconnect: false }));
      const slow = next(server, 'slow');
      const elapsedMs = stopwatch();
      for (let i = 0; i < 500; i++) await server.broadcast(kilobyte);
      expect(elapsedMs()).to.be.lessThan(10_000);
      expect((await slow)[0]).to.have.property('peer', stalled);
      await until(() => arrived() === 500);
      let waited = true;
      stalled.send('x').catch(() => (waited = false));
      await healthy.send('y', { confirm: true });
      expect(waited).to.equal(true);
      stalled.destroy();
      await until(() => !waited);
      expect(new Set(bus().takeErrors())).to.deep.equal(new Set(['ERR_SLOW_CONSUMER', 'ERR_DESTROYED']));
    });

    it('lose what waits under a dropping policy, and are told', async () => {
      const server = await bus().server({ ...limits, slowConsumer: 'drop-newest' });
      const { stalled } = await stalledAndHealthy(server, () => bus().client({ reconnect: false }));
      const slow = next(server, 'slow');
      const waiting: Promise<void>[] = [];
      for (let i = 0; i < 300; i++) waiting.push(stalled.send(kilobyte));
      const settled = Promise.allSettled(waiting);
      await slow;
      const dropped = (await settled).filter(({ status }) => status === 'rejected');
      expect(dropped.length).to.be.within(150, 250);
    });

    for (const slowConsumer of ['drop-oldest', 'drop-newest'] as const) {
      it(`lose what waits for a server that takes nothing, under ${slowConsumer}`, async () => {
        const { client, connection } = await bus().pair({}, { ...limits, slowConsumer });
        connection.connection?.pause();
        const slow = next(client, 'slow');
        const waiting: Promise<void>[] = [];
        for (let i = 0; i < 300; i++) waiting.push(client.send(kilobyte));
        const settled = Promise.allSettled(waiting);
        await slow;
        const dropped = (await settled).filter(({ status }) => status === 'rejected');
        expect(dropped.length).to.be.within(150, 250);
        client.destroy();
      });
    }

    it('hold no more messages than allowed behind a body that is cut', async () => {
      const server = await bus().server({ maxUnackedBytes: 1_000_000, maxPendingMessages: 10 });
      const { stalled } = await stalledAndHealthy(server, () => bus().client({ reconnect: false }));
      let accepted = 0;
      for (let i = 0; i < 50; i++) {
        const body = i === 0 ? Buffer.alloc(900_000) : 'small';
        stalled.send(body).then(
          () => accepted++,
          () => {},
        );
      }
      await sleep(50);
      // The body is in flight as one message and its frames, which the system's own buffers hold in part.
      expect(accepted).to.be.within(1, 10);
      stalled.destroy();
    });

    it('without a link delay no broadcast, neither those that wait already nor later ones', async () => {
      const server = await bus().server({ maxPendingMessages: 100 });
      const { stalled, arrived } = await stalledAndHealthy(server, () => bus().client({ reconnect: false }));
      for (let i = 0; i < 100; i++) await server.broadcast(i);
      const waiting = server.broadcast(100);
      let resolved = false;
      void waiting.then(() => (resolved = true));
      await sleep(20);
      expect(resolved).to.equal(false);
      stalled.connection?.destroy();
      const elapsedMs = stopwatch();
      await waiting;
      for (let i = 101; i < 300; i++) await server.broadcast(i);
      expect(elapsedMs()).to.be.lessThan(500);
      await until(() => arrived() === 300);
      expect(stalled.attached).to.equal(false);
      stalled.destroy();
      await sleep(0);
      expect(new Set(bus().takeErrors())).to.deep.equal(new Set(['ERR_DESTROYED']));
    });

    it('do not delay close()', async () => {
      const server = await bus().server({ ...limits, closeTimeoutMs: 100 });
      const { stalled } = await stalledAndHealthy(server, () => bus().client({ reconnect: false }));
      for (let i = 0; i < 90; i++) await stalled.send(kilobyte);
      const elapsedMs = stopwatch();
      await server.close();
      expect(elapsedMs()).to.be.lessThan(400);
    });

    for (const allowReconnect of [false, true]) {
      it(`do not delay close(${allowReconnect}) at all once they were given up, before it or meanwhile`, async () => {
        const server = await bus().server({ ...limits, closeTimeoutMs: 10_000 });
        const { stalled } = await stalledAndHealthy(server, () => bus().client());
        const { stalled: later } = await stalledAndHealthy(server, () => bus().client());
        const slow = next(server, 'slow');
        for (let i = 0; i < 90; i++) await stalled.send(kilobyte);
        expect((await slow)[0]).to.have.property('peer', stalled);
        await later.send(kilobyte);
        const elapsedMs = stopwatch();
        await server.close(allowReconnect);
        expect(elapsedMs()).to.be.lessThan(1_000);
      });
    }

    it('are not waited for by a client that closes', async () => {
      const { client, connection } = await bus().pair({}, { ...limits, closeTimeoutMs: 10_000 });
      connection.connection?.pause();
      const slow = next(client, 'slow');
      await client.send(kilobyte);
      await slow;
      const elapsedMs = stopwatch();
      await client.close();
      expect(elapsedMs()).to.be.lessThan(1_000);
    });
  },
  { on: ['unix'], speaking: [native] },
);

contract(
  'back-pressure',
  (bus) => {
    it('keeps an outage within the limits: sends wait, too many are refused, none is lost', async () => {
      const { server, client, connection } = await bus().pair({}, { maxPendingMessages: 100 });
      const taken: unknown[] = [];
      server.on('message', (message) => taken.push(message));
      server.pause();
      await sleep(20);
      bus().cut(connection);
      const outcomes = { accepted: 0, refused: 0 };
      const sends = Array.from({ length: 40_000 }, (_, i) =>
        client.send(i).then(
          () => outcomes.accepted++,
          ({ code }: { code: string }) => {
            expect(code).to.equal('ERR_QUEUE_FULL');
            outcomes.refused++;
          },
        ),
      );
      const takenAtFlush = client.flush().then(() => taken.length);
      await next(client, 'session');
      server.resume();
      await Promise.all(sends);
      expect(await takenAtFlush).to.equal(outcomes.accepted);
      expect(outcomes.refused).to.be.within(23_400, 23_700);
      expect(taken).to.deep.equal(Array.from({ length: outcomes.accepted }, (_, i) => i));
    });

    it('refuses what cannot be encoded, or is too large for the peer, and goes on', async () => {
      const { server, client } = await bus().pair({ maxMessageBytes: 10_000 });
      const circular: { self?: unknown } = {};
      circular.self = circular;
      expect((await rejected(client.send(circular))).code).to.equal('ERR_UNENCODABLE');
      expect((await rejected(client.send('x'.repeat(20_000)))).code).to.equal('ERR_TOO_LARGE');
      let deep: unknown = 'x'.repeat(5_000);
      for (let level = 0; level < 100; level++) deep = [deep];
      expect((await rejected(client.send(deep))).code).to.equal('ERR_UNENCODABLE');
      const message = next(server, 'message');
      await client.send({ fine: true, list: [{ fine: false }] });
      expect((await message)[0]).to.deep.equal({ fine: true, list: [{ fine: false }] });
    });
  },
  { on: ['memory'], speaking: [native] },
);
