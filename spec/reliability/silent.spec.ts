import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client } from '../../lib/index.ts';
import { sleep, until } from '../support/buses.ts';
import { hello, Stranger } from '../support/stranger.ts';
import { figure } from './figures.ts';
import { Stage } from './process.ts';

describe('those who say little', () => {
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(() => stage.close());

  it('300 silent or half openings, 50 of a byte a second; default options - all are gone after 6 s, an honest client is in at once', async () => {
    const path = stage.path('s');
    const server = await stage.program('server', { options: { path } });
    const startedAt = performance.now();
    const strangers = await Promise.all(Array.from({ length: 350 }, () => Stranger.at({ path })));
    const half = hello().subarray(0, -5);
    strangers.forEach((stranger, at) => {
      if (at < 300 && at % 2 === 0) stranger.send(half.subarray(0, at % half.length));
    });
    let written = 0;
    const trickle = setInterval(() => {
      for (const stranger of strangers.slice(300)) stranger.send(half.subarray(written, written + 1));
      written += 1;
    }, 1_000);
    let slowestMs = 0;
    let clients = 0;
    while (performance.now() - startedAt < 6_000) {
      const askedAt = performance.now();
      const client = await new Client({ path }).connect();
      slowestMs = Math.max(slowestMs, performance.now() - askedAt);
      clients += 1;
      await client.close();
      await sleep(200);
    }
    clearInterval(trickle);
    await until(() => strangers.every(({ socket }) => socket.destroyed));
    const open = strangers.filter(({ socket }) => !socket.destroyed).length;
    const { count } = await server.ask<{ count: number }>({ ask: 'connections' });
    const goneAfterMs = Math.round(performance.now() - startedAt);
    figure('13', { strangers: strangers.length, open, goneAfterMs, clients, slowestMs: Math.round(slowestMs) });
    expect({ open, count }).to.deep.equal({ open: 0, count: 0 });
    expect(clients).to.be.above(5);
    // Where other work has the cores, it is their turn that is waited for.
    expect(slowestMs, 'ms until the slowest of the honest clients was in').to.be.below(3_000);
  });
});
