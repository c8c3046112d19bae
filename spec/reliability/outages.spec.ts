import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, ClientStatus, Server } from '../../lib/index.ts';
import { eager, next, sleep, until } from '../support/buses.ts';
import { figure } from './figures.ts';
import { type Program, Stage } from './process.ts';

const heartbeats = { heartbeatIntervalMs: 300, heartbeatTimeoutMs: 300 };

describe('outages', () => {
  let stage: Stage;
  const clients: Client[] = [];

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await stage.close();
  });

  async function join(options: object = {}): Promise<Client> {
    const client = new Client({ path: stage.path('s'), ...options });
    clients.push(client);
    client.on('error', () => {});
    return client.connect();
  }

  it('a server that is away for 0.5 s, then 2 s - 20 of 20 clients with default options are back after each', async () => {
    const options = { options: { path: stage.path('s') } };
    let server = await stage.program('server', options);
    await Promise.all(Array.from({ length: 20 }, () => join()));
    for (const outageMs of [500, 2_000]) {
      await server.kill();
      await sleep(outageMs);
      const backAt = performance.now();
      server = await stage.program('server', options);
      await Promise.all(
        clients.filter(({ status }) => status !== ClientStatus.READY).map((client) => next(client, 'ready')),
      );
      const back = clients.filter(({ status }) => status === ClientStatus.READY).length;
      figure('21', { outageMs, clients: 20, back, backWithinMs: Math.round(performance.now() - backAt) });
      expect(back).to.equal(20);
    }
  });

  /** Kills the server of 500 clients; how many of their attempts were due in the worst 10 ms, and when all were back. */
  async function storm(
    server: Program,
    clients: Program,
  ): Promise<{ worst: number; mean: number; windowMs: number; backMs: number }> {
    await clients.ask({ ask: 'storm' });
    await server.kill();
    const following = await stage.program('server', { options: { path: stage.path('s') } });
    const startedAt = performance.now();
    for (let back = 0; back < 500; back = (await following.ask<{ count: number }>({ ask: 'connections' })).count) {
      if (performance.now() - startedAt > 5_000) throw new Error(`${back} of 500 are back after 5 s`);
      await sleep(20);
    }
    const backMs = Math.round(performance.now() - startedAt);
    const { attempts } = await clients.ask<{ attempts: number[] }>({ ask: 'storm' });
    const first = attempts.slice(0, 500).sort((one, other) => one - other);
    const from = first[0] ?? 0;
    const windowMs = Math.round((first.at(-1) ?? 0) - from);
    const slots = new Array<number>(Math.ceil((windowMs + 1) / 10)).fill(0);
    for (const at of first) slots[Math.min(slots.length - 1, Math.floor((at - from) / 10))]! += 1;
    return { worst: Math.max(...slots), mean: 500 / slots.length, windowMs, backMs };
  }

  it('500 clients that lose their server at once - come back spread out, all within 5 s', async () => {
    const server = await stage.program('server', { options: { path: stage.path('s') } });
    const program = await stage.program('client', { options: { path: stage.path('s') }, clients: 500 });
    const { worst, mean, windowMs, backMs } = await storm(server, program);
    const mean10Ms = Math.round(mean * 10) / 10;
    figure('22', { clients: 500, worst10Ms: worst, mean10Ms, windowMs, allBackMs: backMs });
    expect(worst, 'of 500 in the worst 10 ms').to.be.at.most(45);
    expect(windowMs).to.be.above(300);
  });

  for (const dialect of [
    { name: 'native', options: {} },
    { name: 'net-ipc', options: { native: false } },
  ]) {
    it(`a server that is stopped, ${dialect.name} - is noticed within two heartbeats; no send is confirmed meanwhile`, async () => {
      const server = await stage.program('server', { options: { path: stage.path('s'), ...heartbeats } });
      const client = await join({ ...heartbeats, ...dialect.options, random: eager, handshakeTimeoutMs: 300 });
      const confirms = client.delivery === 'session';
      server.stop();
      const stoppedAt = performance.now();
      let confirmed = 0;
      const sends = confirms
        ? [1, 2, 3].map((number) => client.send({ number }, { confirm: true }).then(() => (confirmed += 1)))
        : [];
      while (client.status === ClientStatus.READY) await next(client, 'status');
      const noticedMs = Math.round(performance.now() - stoppedAt);
      const falseSuccess = confirmed;
      server.carryOn();
      await Promise.all(sends);
      figure(`23 server, ${dialect.name}`, { heartbeatMs: 300, noticedMs, falseSuccess });
      expect(falseSuccess).to.equal(0);
      expect(noticedMs, 'ms until it was noticed').to.be.below(2 * 300 + 1_000);
      if (!confirms) return;
      const tally = await server.ask<{ taken: number; doubled: number }>({ ask: 'tally' });
      expect(tally.taken).to.equal(3);
      expect(tally.doubled).to.equal(0);
    });

    it(`a client that is stopped, ${dialect.name} - is noticed within two heartbeats`, async () => {
      const server = await new Server({ path: stage.path('s'), ...heartbeats }).start();
      server.on('error', () => {});
      const options = { path: stage.path('s'), ...heartbeats, ...dialect.options };
      const client = await stage.program('client', { options });
      const [connection] = server.connections;
      client.stop();
      const stoppedAt = performance.now();
      let confirmed = 0;
      const sent =
        connection?.delivery === 'session'
          ? connection.send({ number: 0 }, { confirm: true }).then(() => (confirmed += 1))
          : undefined;
      await until(() => connection?.attached !== true);
      const noticedMs = Math.round(performance.now() - stoppedAt);
      const falseSuccess = confirmed;
      client.carryOn();
      await sent;
      figure(`23 client, ${dialect.name}`, { heartbeatMs: 300, noticedMs, falseSuccess });
      expect(falseSuccess).to.equal(0);
      expect(noticedMs, 'ms until it was noticed').to.be.below(2 * 300 + 1_000);
      await client.kill();
      await server.close();
    });
  }
});
