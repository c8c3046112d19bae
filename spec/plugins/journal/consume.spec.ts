import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, type ConsumeContext, type DeadLetter, MessageCodec, Server } from '../../../lib/index.ts';
import { journal, type LogOptions } from '../../../lib/plugins/journal/index.ts';
import { rejected, until } from '../../support/buses.ts';
import { RawSender } from './raw-sender.ts';

interface Order {
  readonly key: string;
  readonly number: number;
}

describe('journal, consumers', () => {
  let home: string;
  let path: string;
  let open: (Client | Server)[];
  let errors: string[];
  let sender: Client;

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'busbar-journal-'));
    path = join(home, 'bus.sock');
    open = [];
    errors = [];
    sender = new Client({ path, journal: journal(join(home, 'outbox')), maxRetryTime: 100 });
    open.push(sender);
  });
  afterEach(async () => {
    await Promise.all(open.map((end) => end.close()));
    rmSync(home, { recursive: true, force: true });
  });

  function server(options: LogOptions = {}): Server {
    const up = new Server({ path, journal: journal(join(home, 'inbox'), options), closeTimeoutMs: 2_000 });
    up.on('error', ({ code }) => errors.push(code));
    open.push(up);
    return up;
  }

  async function send(...all: unknown[]): Promise<void> {
    await Promise.all(all.map((data) => sender.send(data, { durable: true })));
  }

  it('consume - gets durable messages alone, one at a time, each until its promise has resolved; plain ones go to message', async () => {
    const up = server();
    const heard: unknown[] = [];
    const plain: unknown[] = [];
    let running = 0;
    up.on('message', (data, _connection, context) => void plain.push([data, context]));
    up.consume(async (data, connection, context) => {
      running += 1;
      expect(running).to.equal(1);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      heard.push([data, connection?.id === sender.id, context.attempt, context.redelivered, context.sequence]);
    });
    await up.start();
    await sender.connect();
    await send('a', 'b');
    await sender.send('plain', { confirm: true });
    await send('c');
    await until(() => heard.length === 3);
    expect(plain).to.deep.equal([['plain', undefined]]);
    expect(heard).to.deep.equal([
      ['a', true, 1, false, 1],
      ['b', true, 1, false, 2],
      ['c', true, 1, false, (heard[2] as unknown[])[4]],
    ]);
    expect(errors).to.deep.equal([]);
  });

  it('waiting - messages wait for a consumer, over restarts, and their connection is undefined while the sender is away', async () => {
    let up = await server().start();
    await sender.connect();
    for (const data of [1, 2]) await sender.send(data, { durable: true, confirm: true });
    await sender.close();
    await up.close();
    up = await server().start();
    const heard: unknown[] = [];
    up.consume((data, connection, { redelivered }) => void heard.push([data, connection, redelivered]));
    await until(() => heard.length === 2);
    expect(heard).to.deep.equal([
      [1, undefined, false],
      [2, undefined, false],
    ]);
  });

  it('retries - hold their own key back, and no other; order for each key is kept', async () => {
    const up = server();
    const tried: string[] = [];
    const done: Order[] = [];
    const attempts: number[] = [];
    up.consume(
      (order: Order, _connection, { attempt, redelivered }) => {
        tried.push(`${order.key}${order.number}`);
        if (order.key === 'a' && order.number === 1) {
          attempts.push(attempt);
          expect(redelivered).to.equal(attempt > 1);
          // The others go on meanwhile, or this one never ends.
          if (done.length < 40) throw new Error('not yet');
        }
        done.push(order);
      },
      { concurrency: 3, key: ({ key }) => key, retryMs: 10, maxAttempts: 100 },
    );
    const orders: Order[] = [];
    for (let number = 0; number < 20; number++) for (const key of ['a', 'b', 'c']) orders.push({ key, number });
    await up.start();
    await sender.connect();
    await send(...orders);
    await until(() => done.length === 60);
    expect(attempts).to.deep.equal(attempts.map((_, index) => index + 1));
    for (const key of ['a', 'b', 'c']) {
      const numbers = done.filter((order) => order.key === key).map(({ number }) => number);
      expect(numbers).to.deep.equal(Array.from({ length: 20 }, (_, number) => number));
    }
    expect(tried.indexOf('c19')).to.be.lessThan(tried.lastIndexOf('a1'));
    expect(tried.indexOf('a2')).to.be.greaterThan(tried.lastIndexOf('a1'));
    expect(errors).to.deep.equal(attempts.slice(1).map(() => 'ERR_LISTENER'));
  });

  it('retries - hold everything back where one is handled at a time and there is no key', async () => {
    const up = server();
    const tried: unknown[] = [];
    up.consume(
      (data) => {
        tried.push(data);
        if (tried.length < 4) throw new Error('not yet');
      },
      { retryMs: 5 },
    );
    await up.start();
    await sender.connect();
    await send(1, 2);
    await until(() => tried.length === 5);
    expect(tried).to.deep.equal([1, 1, 1, 1, 2]);
  });

  it('dead letters - are told of, survive restarts, and are tried again or discarded', async () => {
    let up = server();
    let dead: DeadLetter[] = [];
    let heard: unknown[] = [];
    const isBad = (data: unknown): boolean => String(data).startsWith('bad');
    const consume = (data: unknown, { attempt, redelivered }: ConsumeContext): void => {
      heard.push([data, attempt, redelivered]);
      if (isBad(data)) throw Object.assign(new Error('never'), { code: 'E_BAD' });
    };
    up.on('deadLetter', (letter) => dead.push(letter));
    up.consume((data, _connection, context) => consume(data, context), { maxAttempts: 2, retryMs: 1 });
    await up.start();
    await sender.connect();
    await send('bad 1', 'good', 'bad 2', 'better');
    await until(() => dead.length === 2 && heard.length === 6);
    const [first, second] = await up.deadLetters.list();
    expect(first).to.deep.include({ data: 'bad 1', attempts: 2 });
    expect(first?.error).to.have.property('code', 'E_BAD');
    expect(first?.error).to.have.property('message', 'never');
    expect(dead.map(({ id }) => id)).to.deep.equal([first?.id, second?.id]);
    expect((await rejected(up.deadLetters.retry('x.1'))).code).to.equal('ERR_INVALID_ARGUMENT');
    await up.close();
    expect((await rejected(up.deadLetters.list())).code).to.equal('ERR_STATE');

    up = server();
    expect(
      (await up.deadLetters.list()).map(({ id }) => id),
      'before start()',
    ).to.deep.equal([first?.id, second?.id]);
    dead = [];
    heard = [];
    up.on('deadLetter', (letter) => dead.push(letter));
    up.consume((data, _connection, context) => consume(data, context), { maxAttempts: 2, retryMs: 1 });
    await up.start();
    expect((await up.deadLetters.list()).map(({ data }) => data)).to.deep.equal(['bad 1', 'bad 2']);
    await up.deadLetters.discard(second?.id ?? '');
    await up.deadLetters.retry(first?.id ?? '');
    expect((await rejected(up.deadLetters.discard(second?.id ?? ''))).code).to.equal('ERR_INVALID_ARGUMENT');
    await until(() => dead.length === 1);
    expect(heard).to.deep.equal([
      ['bad 1', 1, true],
      ['bad 1', 2, true],
    ]);
    expect((await up.deadLetters.list()).map(({ id }) => id)).to.deep.equal([first?.id]);
    await up.close();

    up = server();
    const last: unknown[] = [];
    await up.start();
    up.consume((data) => void last.push(data));
    await up.deadLetters.retry(first?.id ?? '');
    await until(() => last.length === 1);
    await up.close();
    up = await server().start();
    expect(await up.deadLetters.list()).to.deep.equal([]);
    await sender.connect();
    await sender.send('new', { durable: true, confirm: true });
    up.consume((data) => void last.push(data));
    await until(() => last.length === 2);
    expect(last).to.deep.equal(['bad 1', 'new']);
  });

  it('dead letters - of data that cannot be decoded keep its bytes, with listeners and with a consumer', async () => {
    const up = server();
    const heard: unknown[] = [];
    up.on('message', (data) => void heard.push(data));
    await up.start();
    const raw = await RawSender.connect(path);
    open.push(raw.client);
    const codec = new MessageCodec();
    await raw.send([codec.encode('a'), Buffer.from([0xc1, 1, 2]), codec.encode('b')]);
    await until(() => heard.length === 2);
    await until(async () => (await up.deadLetters.list()).length === 1);
    const consumer = up.consume((data) => void heard.push(data));
    await raw.send([Buffer.from([0xc1, 3]), codec.encode('c')]);
    await until(() => heard.length === 3);
    await until(async () => (await up.deadLetters.list()).length === 2);
    await consumer.stop();
    const letters = await up.deadLetters.list();
    expect(letters.map(({ data }) => [...(data as Uint8Array)])).to.deep.equal([
      [0xc1, 1, 2],
      [0xc1, 3],
    ]);
    expect(letters.map(({ error }) => error.code)).to.deep.equal(['ERR_PROTOCOL', 'ERR_PROTOCOL']);
    expect(heard).to.deep.equal(['a', 'b', 'c']);
  });

  it('stop() - waits for what the handler has, and leaves the rest, in order, to listeners or another consumer', async () => {
    const up = server();
    let release: () => void = () => {};
    const begun: unknown[] = [];
    const consumer = up.consume(
      (data) => {
        begun.push(data);
        if (data === 1) throw new Error('later');
        return new Promise<void>((resolve) => (release = resolve));
      },
      { concurrency: 2, retryMs: 30_000 },
    );
    expect(() => up.consume(() => {}))
      .to.throw()
      .with.property('code', 'ERR_STATE');
    await up.start();
    await sender.connect();
    await send(1, 2);
    await until(() => begun.length === 2);
    const stopped = consumer.stop();
    await send(3, 4);
    release();
    await stopped;
    const heard: unknown[] = [];
    up.on('message', (data, _connection, context) => void heard.push([data, context?.redelivered]));
    await until(() => heard.length === 3);
    expect(heard).to.deep.equal([
      [1, true],
      [3, false],
      [4, false],
    ]);
    expect(begun).to.deep.equal([1, 2]);
  });

  it('close() - waits for what the handler has, which is not begun with again', async () => {
    const up = server();
    const begun: unknown[] = [];
    up.consume(async (data) => {
      begun.push(data);
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
    await up.start();
    await sender.connect();
    await send(1, 2);
    await until(() => begun.length === 1);
    await up.close();
    const next = server();
    const heard: unknown[] = [];
    next.consume((data, _connection, { attempt }) => void heard.push([data, attempt]));
    await next.start();
    await until(() => heard.length === 1);
    expect(heard).to.deep.equal([[2, 1]]);
    expect(begun).to.deep.equal([1]);
  });

  it('clients - consume what a server sends, and have dead letters of their own', async () => {
    const up = await server().start();
    const dead: unknown[] = [];
    const heard: unknown[] = [];
    sender.on('deadLetter', ({ data }) => void dead.push(data));
    sender.consume(
      (data: unknown, { attempt, redelivered }) => {
        heard.push([data, attempt, redelivered]);
        if (data === 'bad') throw new Error('no');
      },
      { maxAttempts: 2, retryMs: 1 },
    );
    await sender.connect();
    await until(() => up.connections[0]?.delivery === 'journal');
    const [connection] = up.connections;
    await connection?.send('bad', { durable: true });
    await connection?.send('good', { durable: true });
    await until(() => heard.length === 3);
    expect(heard).to.deep.equal([
      ['bad', 1, false],
      ['bad', 2, true],
      ['good', 1, false],
    ]);
    expect(dead).to.deep.equal(['bad']);
    expect((await sender.deadLetters.list()).map(({ data }) => data)).to.deep.equal(['bad']);
  });

  it('maxBytes - counts dead letters; what they keep out comes in when they are discarded', async () => {
    const up = server({ maxBytes: 65_536 });
    const heard: unknown[] = [];
    let isBad = true;
    up.consume(
      (data) => {
        heard.push(data);
        if (isBad) throw new Error('no');
      },
      { maxAttempts: 1 },
    );
    await up.start();
    await sender.connect();
    const body = 'x'.repeat(2_000);
    await send(...Array.from({ length: 200 }, (_, number) => `${number}${body}`));
    let dead = 0;
    // No more dead letters come once the folder is full of them.
    await until(async () => {
      const before = dead;
      dead = (await up.deadLetters.list()).length;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return dead > 20 && dead === before;
    });
    expect(dead).to.be.lessThan(150);
    isBad = false;
    for (const { id } of await up.deadLetters.list()) await up.deadLetters.discard(id);
    await until(() => heard.length === 200);
    expect(heard).to.deep.equal(Array.from({ length: 200 }, (_, number) => `${number}${body}`));
    expect(await up.deadLetters.list()).to.deep.equal([]);
  });

  it('settings - that are none are refused, and a server without a journal has no consumer', () => {
    const bare = new Server({ path });
    expect(() => bare.consume(() => {}))
      .to.throw()
      .with.property('code', 'ERR_STATE');
    expect(() => bare.deadLetters)
      .to.throw()
      .with.property('code', 'ERR_STATE');
    expect(() => server().consume(1 as never))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    for (const settings of [{ concurrency: 0 }, { key: 'id' }, { maxAttempts: 1.5 }, { retryMs: -1 }, { retry: 1 }]) {
      expect(() => server().consume(() => {}, settings as never))
        .to.throw()
        .with.property('code', 'ERR_INVALID_OPTION');
    }
  });
});
