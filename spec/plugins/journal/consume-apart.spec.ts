import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, type Connection, type ConsumeContext, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { rejected, until } from '../../support/buses.ts';
import { ownPlace } from './own-folder.ts';

interface Order {
  readonly key: string;
  readonly number: number;
}

describe('journal, consumers whose messages hold up no others', () => {
  const at = ownPlace();

  function server(): Server {
    const up = new Server({ path: at.path, journal: journal(join(at.home, 'inbox')), closeTimeoutMs: 2_000 });
    up.on('error', () => {});
    at.open.push(up);
    return up;
  }

  async function client(name: string): Promise<Client> {
    const made = new Client({ path: at.path, journal: journal(join(at.home, name)), maxRetryTime: 100 });
    at.open.push(made);
    return made.connect();
  }

  const numbersTo = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

  async function send(from: Client, key: string, count: number, first = 0): Promise<void> {
    await Promise.all(numbersTo(count).map((number) => from.send({ key, number: first + number }, { durable: true })));
  }

  it('keys - thousands that wait for one of their key hold up no other, and are handled in order when that is done', async () => {
    const up = server();
    const done: Order[] = [];
    let release!: () => void;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    up.consume(
      async (order: Order) => {
        if (order.key === 'stuck' && order.number === 0) await gate;
        done.push(order);
      },
      { concurrency: 4, key: ({ key }) => key },
    );
    await up.start();
    const sender = await client('outbox');
    await send(sender, 'stuck', 1_100);
    await send(sender, 'other', 10);
    await send(sender, 'stuck', 300, 1_100);
    await send(sender, 'other', 10, 10);
    await until(() => done.length === 20);
    expect(done).to.deep.equal(numbersTo(20).map((number) => ({ key: 'other', number })));
    release();
    await until(() => done.length === 1_420);
    expect(done.slice(20).map(({ number }) => number)).to.deep.equal(numbersTo(1_400));
  });

  it('stop() - leaves those that wait for one of their key to the next consumer, in order', async () => {
    const up = server();
    let isBegun = false;
    let release!: () => void;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const first = up.consume(
      async ({ key }: Order) => {
        if (key !== 'stuck') isBegun = true;
        await gate;
      },
      { concurrency: 2, key: ({ key }) => key },
    );
    await up.start();
    const sender = await client('outbox');
    await send(sender, 'stuck', 1_200);
    await send(sender, 'other', 1);
    await until(() => isBegun);
    const stopped = first.stop();
    release();
    await stopped;
    const done: number[] = [];
    up.consume(({ number }: Order) => void done.push(number));
    await until(() => done.length === 1_199);
    expect(done).to.deep.equal(numbersTo(1_200).slice(1));
  });

  it('retries - of thousands that fail hold up none of those that do not', async () => {
    const up = server();
    let failed = 0;
    const done: Order[] = [];
    up.consume(
      (order: Order) => {
        if (order.key === 'fails') {
          failed += 1;
          throw new Error('no');
        }
        done.push(order);
      },
      { concurrency: 2, retryMs: 30_000 },
    );
    await up.start();
    const sender = await client('outbox');
    await send(sender, 'fails', 1_500);
    await send(sender, 'works', 10);
    await until(() => done.length === 10);
    expect(failed).to.equal(1_500);
  });

  it('connection.consume - gets what that client sends, and holds up no other', async () => {
    const up = server();
    const heard: unknown[] = [];
    const ofAnn: unknown[] = [];
    let release!: () => void;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const connections: Connection[] = [];
    up.on('connect', (connection) => {
      if (connections.push(connection) > 1) return;
      connection.consume(
        async ({ number }: Order, { attempt, redelivered }: ConsumeContext) => {
          await gate;
          if (number === 1 && attempt === 1) throw new Error('not yet');
          ofAnn.push([number, attempt, redelivered]);
        },
        { retryMs: 1 },
      );
      expect(() => connection.consume(() => {}))
        .to.throw()
        .with.property('code', 'ERR_STATE');
    });
    up.on('message', ({ number }: Order) => void heard.push(number));
    await up.start();
    const ann = await client('ann');
    await send(ann, 'ann', 1_200);
    const bob = await client('bob');
    await send(bob, 'bob', 3, 5_000);
    await until(() => heard.length === 3);
    expect(heard).to.deep.equal([5_000, 5_001, 5_002]);
    release();
    await until(() => ofAnn.length === 1_200);
    expect(ofAnn.slice(0, 3)).to.deep.equal([
      [0, 1, false],
      [1, 2, true],
      [2, 1, false],
    ]);
    expect(ofAnn.map((row) => (row as number[])[0])).to.deep.equal(numbersTo(1_200));
    expect(heard).to.have.length(3);
  });

  it('connection.consume - leaves the rest, when the session is over, to the one of the next, before what is newer', async () => {
    const up = server();
    const done: number[] = [];
    const releases: (() => void)[] = [];
    const connections: Connection[] = [];
    up.on('connect', (connection) => {
      connections.push(connection);
      if (connection.linkKind === 'unix' && connections.length < 3) {
        connection.consume(async ({ number }: Order) => {
          if (number === 0 && releases.length === 0) await new Promise<void>((resolve) => releases.push(resolve));
          done.push(number);
        });
      }
    });
    await up.start();
    const first = await client('ann');
    await send(first, 'ann', 1_500);
    await until(() => releases.length === 1);
    await first.close();
    const second = await client('ann');
    await send(second, 'ann', 5, 1_500);
    // The first one has not settled: nobody else has any of them yet.
    const plain = rejected(second.send({ key: 'plain', number: 0 }, { confirm: true }));
    expect(done).to.deep.equal([]);
    releases[0]?.();
    await until(() => done.length === 1_505);
    expect(done).to.deep.equal(numbersTo(1_505));
    expect((await plain).code).to.equal('ERR_NO_HANDLER');
    await second.close();
    await until(() => connections[1]?.attached === false);
    expect(() => connections[1]?.consume(() => {}))
      .to.throw()
      .with.property('code', 'ERR_CLOSED');
  });

  it('connection.consume - leaves what came of a client that is away to listeners that come, once its handler has settled', async () => {
    const up = server();
    const releases: (() => void)[] = [];
    up.on('connect', (connection) => {
      connection.consume(() => new Promise<void>((resolve) => releases.push(resolve)));
    });
    await up.start();
    const ann = await client('ann');
    await send(ann, 'ann', 3);
    await until(() => releases.length === 1);
    await ann.close();
    await until(() => up.connections.length === 0);
    const heard: unknown[] = [];
    up.on('message', ({ key, number }: Order) => void heard.push(`${key} ${number}`));
    const bob = await client('bob');
    await bob.send({ key: 'plain', number: 1 }, { confirm: true });
    expect(heard).to.deep.equal(['plain 1']);
    releases[0]?.();
    await until(() => heard.length === 3);
    expect(heard).to.deep.equal(['plain 1', 'ann 1', 'ann 2']);
  });

  it('messages() - of one client hears what it sends, while that of one that is away waits for its own loop', async () => {
    const up = server();
    await up.start();
    const ann = await client('ann');
    await send(ann, 'ann', 1_500);
    await ann.close();
    await until(() => up.connections.length === 0);
    const heard: string[] = [];
    up.on('connect', async (connection) => {
      for await (const message of connection.messages()) {
        const { key, number } = message as Order;
        heard.push(`${key} ${number}`);
      }
    });
    const bob = await client('bob');
    await send(bob, 'bob', 3);
    await bob.send({ key: 'plain', number: 1 });
    await until(() => heard.length === 4);
    expect(heard).to.deep.equal(['bob 0', 'bob 1', 'bob 2', 'plain 1']);
    const again = await client('ann');
    await send(again, 'ann', 1, 1_500);
    await until(() => heard.length === 1_505);
    expect(heard.slice(4)).to.deep.equal(numbersTo(1_501).map((number) => `ann ${number}`));
  });

  it('connection.consume - without a journal, or of what is no function, is refused', async () => {
    const plain = new Server({ path: at.path });
    at.open.push(plain);
    await plain.start();
    await client('ann');
    await until(() => plain.connections.length === 1);
    const [connection] = plain.connections;
    expect(() => connection?.consume(() => {}))
      .to.throw()
      .with.property('code', 'ERR_STATE');
  });
});
