import { cpSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type BusError, Client, type ClientOptions, Server, type ServerOptions } from '../../../lib/index.ts';
import type { DurableContext, PeerHandle } from '../../../lib/index.ts';
import { journal, type LogOptions } from '../../../lib/plugins/journal/index.ts';
import { type LogFiles, systemFiles } from '../../../lib/plugins/journal/log/files.ts';
import { rejected, sleep, until } from '../../support/buses.ts';
import { ownPlace } from './own-folder.ts';

interface Heard {
  readonly data: unknown;
  readonly peer: PeerHandle | undefined;
  readonly context: DurableContext | undefined;
}

/** One before it connects, then durable ones about a plain one. */
async function sendMixed(sender: Client): Promise<void> {
  await sender.send('a', { durable: true });
  await sender.connect();
  await Promise.all([
    sender.send('b', { durable: true }),
    sender.send('plain'),
    sender.send('c', { durable: true, confirm: true }),
  ]);
}

describe('journal, durable messages', () => {
  const at = ownPlace();

  const folder = (name: string): string => join(at.home, name);

  function serverWith(options: Omit<ServerOptions, 'path'>): Server {
    const server = new Server({ path: at.path, ...options });
    server.on('error', ({ code }) => at.errors.push(code));
    at.open.push(server);
    return server;
  }

  function clientWith(options: Omit<ClientOptions, 'path'>): Client {
    const client = new Client({ path: at.path, maxRetryTime: 100, ...options });
    client.on('error', ({ code }) => code !== 'ERR_CONNECT' && at.errors.push(code));
    at.open.push(client);
    return client;
  }

  const server = (options: LogOptions = {}): Server => serverWith({ journal: journal(folder('inbox'), options) });
  const client = (options: LogOptions = {}, name = 'outbox'): Client =>
    clientWith({ journal: journal(folder(name), options) });

  function hear(server: Server): Heard[] {
    const heard: Heard[] = [];
    server.on('message', (data, peer, context) => void heard.push({ data, peer, context }));
    return heard;
  }
  const dataOf = (heard: readonly Heard[]): unknown[] => heard.map(({ data }) => data);

  it('send - resolves without a link and before connect(); the next process sends what waits, before anything new', async () => {
    const first = client();
    await first.send('a', { durable: true });
    await Promise.all([first.send('b', { durable: true }), first.send('c', { durable: true })]);
    const { messages, bytes, oldestMs } = await first.backlog();
    expect(messages).to.equal(3);
    expect(bytes).to.be.within(3 * 24, 3 * 40);
    expect(oldestMs).to.be.within(0, 60_000);
    await first.close();
    expect(readdirSync(folder('outbox'))).to.not.include('lock');
    const second = client();
    expect((await second.backlog()).messages).to.equal(3);
    await second.send('d', { durable: true });
    const heard = hear(await server().start());
    await second.connect();
    const plain = second.send('plain');
    await second.send('e', { durable: true, confirm: true });
    await plain;
    await until(() => heard.length === 6);
    expect(dataOf(heard)).to.deep.equal(['a', 'b', 'c', 'd', 'plain', 'e']);
    expect(await second.backlog()).to.deep.equal({ messages: 0, bytes: 0, oldestMs: 0 });
    expect(heard.map(({ context }) => context?.redelivered)).to.deep.equal([
      false,
      false,
      false,
      false,
      undefined,
      false,
    ]);
    const names = heard.filter(({ context }) => context !== undefined).map(({ context }) => context as DurableContext);
    expect(new Set(names.map(({ journal: id, sequence }) => `${id} ${sequence}`)).size).to.equal(5);
    expect(at.errors).to.deep.equal([]);
  });

  it('delivery - says journal at both ends where both have one', async () => {
    const up = await server().start();
    const one = await client().connect();
    const other = await clientWith({}).connect();
    expect(one.delivery).to.equal('journal');
    expect(other.delivery).to.equal('session');
    const deliveries = up.connections.map(({ delivery }) => delivery);
    expect(deliveries.sort()).to.deep.equal(['journal', 'session']);
  });

  it('order - of durable and plain messages of one client is kept, whatever their sizes and pauses', async () => {
    const up = await server().start();
    const heard = hear(up);
    const sender = await client().connect();
    const large = 'x'.repeat(300_000);
    const sent: Promise<void>[] = [];
    const expected: unknown[] = [];
    for (let number = 0; number < 40; number++) {
      const data = number % 7 === 0 ? `${number}${large}` : number;
      expected.push(data);
      sent.push(number % 3 === 0 ? sender.send(data) : sender.send(data, { durable: true }));
      if (number === 20) up.pause();
      if (number % 10 === 5) await sleep(2);
    }
    up.resume();
    await Promise.all(sent);
    await until(() => heard.length === 40);
    expect(dataOf(heard)).to.deep.equal(expected);
  });

  it('settings - durable without a journal, or what it does not take, is ERR_INVALID_ARGUMENT', async () => {
    const bare = clientWith({});
    expect((await rejected(bare.send(1, { durable: true }))).code).to.equal('ERR_INVALID_ARGUMENT');
    expect((await rejected(bare.backlog())).code).to.equal('ERR_STATE');
    const sender = client();
    for (const settings of [
      { durable: 1 },
      { durable: true, timeout: -1 },
      { durable: true, confirm: 1 },
      { durabel: true },
    ]) {
      expect((await rejected(sender.send(1, settings as never))).code).to.equal('ERR_INVALID_ARGUMENT');
    }
    const circle: unknown[] = [];
    circle.push(circle);
    expect((await rejected(sender.send(circle, { durable: true }))).code).to.equal('ERR_UNENCODABLE');
    expect(() => new Client({ path: at.path, journal: 'x' as never }))
      .to.throw()
      .with.property('code', 'ERR_INVALID_OPTION');
    expect(() => journal(''))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    expect(() => journal('x', { maxBytes: 1 }))
      .to.throw()
      .with.property('code', 'ERR_INVALID_OPTION');
  });

  it('folder - one that somebody has rejects connect(), start() and durable sends with ERR_JOURNAL_IN_USE', async () => {
    await client().send(1, { durable: true });
    await server().start();
    expect((await rejected(client().connect())).code).to.equal('ERR_JOURNAL_IN_USE');
    expect((await rejected(client().send(1, { durable: true }))).code).to.equal('ERR_JOURNAL_IN_USE');
    const other = new Server({ path: join(at.home, 'other.sock'), journal: journal(folder('inbox')) });
    expect((await rejected(other.start())).code).to.equal('ERR_JOURNAL_IN_USE');
  });

  it('receipts - wait for a listener and over restarts, are done when listeners settle, and come once', async () => {
    const sender = client();
    let up = await server().start();
    await sender.connect();
    for (const data of ['a', 'b', 'c']) await sender.send(data, { durable: true, confirm: true });
    await sender.close();
    await up.close();
    up = server();
    await up.start();
    const begun: unknown[] = [];
    let release: () => void = () => {};
    up.on('message', (data, peer, context) => {
      begun.push([data, peer, context?.redelivered]);
      return data === 'b' ? new Promise<void>((resolve) => (release = resolve)) : undefined;
    });
    await until(() => begun.length === 3);
    expect(begun).to.deep.equal([
      ['a', undefined, false],
      ['b', undefined, false],
      ['c', undefined, false],
    ]);
    await up.close();
    release();
    up = server();
    const heard = hear(up);
    await up.start();
    await until(() => heard.length > 0);
    await sleep(20);
    expect(dataOf(heard)).to.deep.equal(['b']);
    expect(heard[0]?.context?.redelivered).to.equal(true);
    await up.close();
    up = server();
    const nothing = hear(up);
    await up.start();
    await sleep(20);
    expect(nothing).to.deep.equal([]);
  });

  it('receipts - what listeners fail with is reported, and the message is done', async () => {
    const up = await server().start();
    up.on('message', () => Promise.reject(new Error('no')));
    const sender = await client().connect();
    await sender.send(1, { durable: true, confirm: true });
    await until(() => at.errors.length === 1);
    expect(at.errors).to.deep.equal(['ERR_LISTENER']);
    await up.close();
    const again = server();
    const heard = hear(again);
    await again.start();
    await sleep(20);
    expect(heard).to.deep.equal([]);
  });

  it('duplicates - of what the sender sends again because it never heard of it are dropped', async () => {
    const up = await server().start();
    const heard = hear(up);
    let sender = await client().connect();
    await sender.send('first', { durable: true, confirm: true });
    await sender.close();
    // A copy of the folder before the rest was sent: it does not know that the rest was taken.
    sender = client();
    for (const data of [1, 2, 3]) await sender.send(data, { durable: true });
    await sender.close();
    cpSync(folder('outbox'), folder('copy'), { recursive: true });
    sender = await client().connect();
    await sender.send(4, { durable: true, confirm: true });
    await sender.close();
    const copy = client({}, 'copy');
    await copy.send('new', { durable: true });
    await copy.connect();
    await copy.send('newer', { durable: true, confirm: true });
    await until(() => heard.length === 7);
    expect(dataOf(heard)).to.deep.equal(['first', 1, 2, 3, 4, 'new', 'newer']);
    expect((await copy.backlog()).messages).to.equal(0);
  });

  it('peers without a journal - get messages in order; confirm waits for their listeners', async () => {
    const up = serverWith({});
    const heard = hear(up);
    await up.start();
    const sender = client();
    await sendMixed(sender);
    expect(sender.delivery).to.equal('session');
    expect(dataOf(heard)).to.deep.equal(['a', 'b', 'plain', 'c']);
    expect((await sender.backlog()).messages).to.equal(0);
    expect(heard[0]?.context).to.equal(undefined);
  });

  it('a disk that is slow to read - changes nothing in the order of plain and durable messages', async () => {
    const up = serverWith({});
    const heard = hear(up);
    await up.start();
    const open: LogFiles['open'] = async (path, isToRead) => {
      await sleep(50);
      return systemFiles.open(path, isToRead);
    };
    const sender = client({ files: { ...systemFiles, open } });
    await sendMixed(sender);
    expect(dataOf(heard)).to.deep.equal(['a', 'b', 'plain', 'c']);
  });

  it('net-ipc peers - get messages, and nothing is confirmed', async () => {
    const up = serverWith({ native: false });
    const heard = hear(up);
    await up.start();
    const sender = client();
    await sender.send('a', { durable: true });
    const early = rejected(sender.send('b', { durable: true, confirm: true }));
    await sender.connect();
    expect((await early).code).to.equal('ERR_PEER_LACKS_FEATURE');
    expect((await rejected(sender.send('c', { durable: true, confirm: true }))).code).to.equal(
      'ERR_PEER_LACKS_FEATURE',
    );
    await sender.send('d', { durable: true });
    await until(() => heard.length === 3);
    expect(dataOf(heard)).to.deep.equal(['a', 'b', 'd']);
    await until(async () => (await sender.backlog()).messages === 0);
  });

  it('takeover - the next server opens the folder when the one before it has let go', async () => {
    const first = await server().start();
    const before = hear(first);
    const sender = await client().connect();
    await sender.send(1, { durable: true, confirm: true });
    await until(() => before.length === 1);
    const second = server();
    const heard = hear(second);
    const over = new Promise((resolve) => first.once('close', () => resolve(undefined)));
    await second.start({ takeover: true });
    await over;
    await sender.send(2, { durable: true, confirm: true });
    await until(() => heard.length === 1);
    expect(dataOf(before)).to.deep.equal([1]);
    expect(dataOf(heard)).to.deep.equal([2]);
  });

  it('close(true) - has the next server wait for the folder, which no other one does', async () => {
    const first = await server().start();
    let answer!: (value: unknown) => void;
    first.handle(() => new Promise((resolve) => (answer = resolve)));
    const sender = await client().connect();
    const answered = sender.request('slow', 0);
    await until(() => answer !== undefined);
    expect((await rejected(server().start())).code).to.equal('ERR_JOURNAL_IN_USE');
    const closed = first.close(true);
    await until(() => existsSync(join(folder('inbox'), 'leaving')));
    const second = server();
    const heard = hear(second);
    const started = second.start();
    await sender.send(1, { durable: true });
    answer('done');
    expect(await answered).to.equal('done');
    await Promise.all([closed, started]);
    await until(() => heard.length === 1);
    expect(readdirSync(folder('inbox')))
      .to.include('lock')
      .and.to.not.include('leaving');
  });

  it('connection.pause - has the durable messages of that client wait there, and no others', async () => {
    const up = await server().start();
    const heard = hear(up);
    const one = await client().connect();
    const [connection] = up.connections;
    const other = await client({}, 'other').connect();
    connection?.pause();
    const confirmed = one.send(1, { durable: true, confirm: true });
    await other.send(2, { durable: true, confirm: true });
    await until(() => heard.length === 1);
    expect((await one.backlog()).messages).to.equal(1);
    connection?.resume();
    await confirmed;
    await until(() => heard.length === 2);
    expect(dataOf(heard)).to.deep.equal([2, 1]);
    // What came meanwhile is not lost with the connection.
    connection?.pause();
    await one.send(3, { durable: true });
    await until(async () => (await one.backlog()).messages === 1);
    await one.close();
    await client().connect();
    await until(() => heard.length === 3);
    expect(at.errors).to.deep.equal([]);
  });

  it('maxBytes - has send wait until the peer took something; timeout and signal end the wait', async () => {
    const sender = client({ maxBytes: 65_536 });
    const body = 'x'.repeat(1_000);
    let stored = 0;
    for (;;) {
      const error = await sender
        .send(body, { durable: true, timeout: 100 })
        .catch((thrown: unknown) => thrown as BusError);
      if (error instanceof Error) {
        expect(error.code).to.equal('ERR_TIMEOUT');
        break;
      }
      stored += 1;
    }
    expect(stored).to.be.within(50, 70);
    expect((await rejected(sender.send(body, { durable: true, signal: AbortSignal.timeout(10) }))).code).to.equal(
      'ERR_ABORTED',
    );
    expect((await rejected(sender.send('x'.repeat(70_000), { durable: true, timeout: 60_000 }))).code).to.equal(
      'ERR_TOO_LARGE',
    );
    const waiting = sender.send('last', { durable: true, confirm: true });
    const up = await server().start();
    const heard = hear(up);
    await sender.connect();
    await waiting;
    await until(() => heard.length === stored + 1);
    expect(heard.at(-1)?.data).to.equal('last');
  });
});
