import { join } from 'node:path';
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, type Connection, type SendSettings, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { rejected, sleep, until } from '../../support/buses.ts';
import { hear, ownPlace } from './own-folder.ts';
import { RelayedPath } from './relayed-path.ts';

describe('journal, what was given up before it had a place', () => {
  const maxBytes = 65_536;
  const at = ownPlace();

  /** Without a link, and with no room for more than a few bytes. */
  async function full(): Promise<{ readonly client: Client; readonly filled: number }> {
    const client = new Client({ path: at.path, journal: journal(join(at.home, 'outbox'), { maxBytes }) });
    at.open.push(client);
    client.on('error', () => {});
    let filled = 0;
    for (const size of [3_000, 100]) {
      const fill = (): Promise<boolean> =>
        client.send('x'.repeat(size), { durable: true, timeout: 50 }).then(
          () => true,
          () => false,
        );
      while (await fill()) filled += 1;
    }
    return { client, filled };
  }

  async function listening(): Promise<{
    readonly server: Server;
    readonly heard: unknown[];
    readonly asked: unknown[];
  }> {
    const server = new Server({ path: at.path, journal: journal(join(at.home, 'inbox')) });
    at.open.push(server);
    const heard = hear(server);
    const asked: unknown[] = [];
    server.handle((data) => asked.push(data));
    await server.start();
    return { server, heard, asked };
  }

  /** After the memory of everything that nobody has any more was given back. */
  async function bytesHeld(): Promise<number> {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    for (let round = 0; round < 3; round++) {
      collect();
      await sleep(10);
    }
    return process.memoryUsage().arrayBuffers;
  }

  /** Half of them by a signal and half by a timeout. */
  async function giveUp(count: number, send: (settings: SendSettings) => Promise<void>): Promise<void> {
    const abort = new AbortController();
    const given = Array.from({ length: count }, (_, number) =>
      rejected(send({ durable: true, ...(number % 2 === 0 ? { timeout: 1 } : { signal: abort.signal }) })),
    );
    abort.abort();
    const codes = new Set((await Promise.all(given)).map(({ code }) => code));
    expect([...codes].sort()).to.deep.equal(['ERR_ABORTED', 'ERR_TIMEOUT']);
  }

  it('sends - by a timeout or a signal keep no data, and no place among those that wait', async () => {
    const { client } = await full();
    const before = await bytesHeld();
    for (let round = 0; round < 6; round++) {
      await giveUp(4_000, (settings) => client.send(Buffer.alloc(5_000), settings));
    }
    expect((await bytesHeld()) - before).to.be.below(5_000_000);
  });

  it('sends - among others leave the order of those as it was, with plain ones behind them', async () => {
    const { client, filled } = await full();
    const { heard } = await listening();
    const kept: Promise<void>[] = [];
    const given: Promise<unknown>[] = [];
    for (let number = 0; number < 30; number += 3) {
      given.push(rejected(client.send(`given up ${number}`.repeat(100), { durable: true, timeout: 20 })));
      kept.push(client.send(number, { durable: true }));
      given.push(rejected(client.send(`given up ${number + 1}`.repeat(100), { durable: true, timeout: 20 })));
      kept.push(client.send(number + 1));
      given.push(rejected(client.send(`given up ${number + 2}`.repeat(100), { durable: true, timeout: 20 })));
      given.push(rejected(client.send(`given up ${number + 2}`.repeat(100), { durable: true, timeout: 20 })));
      kept.push(client.send(number + 2, { durable: true }));
    }
    await Promise.all(given);
    await client.connect();
    await Promise.all(kept);
    await until(() => heard.length === filled + 30);
    expect(heard.slice(filled)).to.deep.equal(Array.from({ length: 30 }, (_, number) => number));
  });

  it('sends - that are larger than the room there is hold up those behind them no longer', async () => {
    const client = new Client({ path: at.path, journal: journal(join(at.home, 'outbox'), { maxBytes }) });
    at.open.push(client);
    const large = (settings: SendSettings): Promise<void> => client.send('x'.repeat(maxBytes * 0.6), settings);
    await large({ durable: true });
    await large({ durable: true });
    const late = rejected(large({ durable: true, timeout: 100 }));
    let isIn = false;
    const small = client.send('small', { durable: true }).then(() => (isIn = true));
    await sleep(20);
    expect(isIn).to.equal(false);
    expect((await late).code).to.equal('ERR_TIMEOUT');
    await small;
    expect((await client.backlog()).messages).to.equal(3);
  });

  it('requests - that had no room until their timeout were not accepted, and say so', async () => {
    const { client, filled } = await full();
    const data = 'asked'.repeat(100);
    const late = await Promise.all(
      [undefined, 'k', 'k'].map((key) => rejected(client.request(data, { durable: true, key, timeout: 20 }))),
    );
    expect(late.map(({ code }) => code)).to.deep.equal(['ERR_TIMEOUT', 'ERR_TIMEOUT', 'ERR_TIMEOUT']);
    expect(late[0]?.message).to.equal(
      'The request was not accepted: the journal was not open, or had no room, for 20 ms',
    );
    const { heard, asked } = await listening();
    await client.connect();
    await until(() => heard.length === filled);
    expect(await client.request('next', { durable: true, key: 'k' })).to.equal(1);
    expect(asked).to.deep.equal(['next']);
  });

  it('sends to a client - that is not known to have a journal yet keep nothing either', async () => {
    const { server } = await listening();
    const between = await RelayedPath.open(at.path, join(at.home, 'between.sock'));
    at.open.push(between);
    const client = new Client({ path: between.path, journal: journal(join(at.home, 'outbox')) });
    at.open.push(client);
    const heard = hear(client);
    await client.connect();
    const connection = [...server.connections][0] as Connection;
    // What it answers does not arrive, so that nothing is found out.
    between.holdUp();
    const before = await bytesHeld();
    const last: Promise<void>[] = [];
    for (let round = 0; round < 6; round++) {
      await giveUp(4_000, (settings) => connection.send(Buffer.alloc(5_000), settings));
      last.push(connection.send(round, { durable: true }));
    }
    expect((await bytesHeld()) - before).to.be.below(5_000_000);
    between.release();
    await Promise.all(last);
    await until(() => heard.length === 6);
    expect(heard).to.deep.equal([0, 1, 2, 3, 4, 5]);
  });
});
