import { connect, createServer, type Server as NetServer } from 'node:net';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, Server } from '../../lib/index.ts';
import { eager, next, sleep } from '../support/buses.ts';
import { exchange, type Road } from './exchange.ts';
import { figure } from './figures.ts';
import { type Program, Stage } from './process.ts';
import { Tally } from './tally.ts';

interface Told {
  readonly taken: number;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
}

const exactlyOnce = (count: number): Told => ({ taken: count, lost: 0, doubled: 0, outOfOrder: 0 });

/** Sends `count` messages, 20 in a millisecond but 2,000 at most before one is waited for, and calls `strike` five times on the way. */
async function steady(count: number, send: (number: number) => Promise<void>, strike: () => unknown): Promise<void> {
  let strikes = 0;
  const startedAt = performance.now();
  for (let number = 0; number < count; ) {
    const due = Math.min(count, number + 2_000, Math.floor((performance.now() - startedAt) * 20));
    let accepted = Promise.resolve();
    while (number < due) accepted = send(number++);
    await accepted;
    if (strikes < 5 && number >= ((strikes + 1) * count) / 6) {
      strikes += 1;
      await strike();
    }
    await sleep(1);
  }
}

describe('links broken', () => {
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(() => stage.close());

  it("100,000 messages to the server, its client's socket destroyed five times - exactly once, in order", async () => {
    const server = await stage.program('server', { options: { path: stage.path('s') } });
    const client = await new Client({ path: stage.path('s'), random: eager }).connect();
    await steady(
      100_000,
      (number) => client.send({ number }),
      () => client.connection?.destroy(),
    );
    await client.flush();
    const { taken, lost, doubled, outOfOrder } = await server.ask<Told>({ ask: 'tally' });
    figure('2', { sent: 100_000, destroys: 5, taken, lost, doubled, outOfOrder });
    expect({ taken, lost, doubled, outOfOrder }).to.deep.equal(exactlyOnce(100_000));
    client.destroy();
  });

  it('100,000 messages to the client, its socket destroyed five times - exactly once, in order', async () => {
    const server = await new Server({ path: stage.path('s') }).start();
    server.on('error', () => {});
    const program: Program = await stage.program('client', { options: { path: stage.path('s') } });
    const [connection] = server.connections;
    await steady(
      100_000,
      (number) => connection!.send({ number }),
      () => program.ask({ ask: 'break' }),
    );
    await connection?.flush();
    const { taken, lost, doubled, outOfOrder } = await program.ask<Told>({ ask: 'tally' });
    figure('4', { sent: 100_000, destroys: 5, taken, lost, doubled, outOfOrder });
    expect({ taken, lost, doubled, outOfOrder }).to.deep.equal(exactlyOnce(100_000));
    await program.kill();
    await server.close();
  });

  for (const road of ['unix', 'tcp', 'tls'] satisfies Road[]) {
    it(`100,000 messages each way over ${road}, the link broken 50 times - exactly once, in order`, async function () {
      const { ms, ...figures } = await exchange(stage, road, 100_000, 50);
      figure(`5 ${road}, small`, { ...figures, ms });
      const { messages, disconnects, resumed, ...bad } = figures;
      expect(bad).to.deep.equal({ lost: 0, doubled: 0, outOfOrder: 0, neverSettled: 0 });
      expect({ messages, disconnects }).to.deep.equal({ messages: 200_000, disconnects: 50 });
      // The last break may strike when everything was acknowledged, and this end is gone then.
      expect(resumed).to.be.at.least(49);
    });
  }

  it('a frame corrupted on its way - one error, the session resumes, nothing is lost', async () => {
    let corrupt = false;
    const proxy: NetServer = createServer((near) => {
      const far = connect(stage.path('s'));
      near.on('data', (bytes: Buffer) => {
        // The first byte of a frame that was written by itself: its length.
        if (corrupt) bytes[0] = 0xff;
        corrupt = false;
        far.write(bytes);
      });
      far.pipe(near);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        socket.on('error', () => {});
        socket.on('close', () => other.destroy());
      }
    });
    await new Promise<void>((resolve) => proxy.listen(stage.path('p'), resolve));
    const server = await new Server({ path: stage.path('s') }).start();
    const errors: string[] = [];
    server.on('error', ({ code }) => errors.push(code));
    const tally = new Tally();
    server.on('message', (data) => tally.note(data as number));
    const client = await new Client({ path: stage.path('p'), random: eager }).connect();
    for (let number = 0; number < 1_000; number++) void client.send(number);
    await client.flush();
    const session = next(client, 'session');
    corrupt = true;
    for (let number = 1_000; number < 2_000; number++) void client.send(number);
    const [{ outcome }] = (await session) as [{ outcome: string }];
    await client.flush();
    figure('28', { errors: errors.length, outcome, ...tally.figures });
    expect({ errors, outcome }).to.deep.equal({ errors: ['ERR_TOO_LARGE'], outcome: 'resumed' });
    expect(tally.figures).to.deep.equal(exactlyOnce(2_000));
    client.destroy();
    await server.close();
    await new Promise((resolve) => proxy.close(resolve));
  });
});
