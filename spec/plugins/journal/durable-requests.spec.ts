import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { BusError, Client, MessageCodec, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { digestOf } from '../../../lib/plugins/journal/format/request-body.ts';
import { rejected, until } from '../../support/buses.ts';
import { RawSender } from './raw-sender.ts';
import { eachInOwnFolder } from './own-folder.ts';

interface Asked {
  readonly data: unknown;
  readonly key: string | undefined;
  readonly redelivered: boolean | undefined;
  readonly isHere: boolean;
}

describe('journal, durable requests', () => {
  let home: string;
  let path: string;
  let open: (Client | Server)[];
  let asked: Asked[];

  eachInOwnFolder(
    (made) => {
      home = made;
      path = join(home, 'bus.sock');
      open = [];
      asked = [];
    },
    () => Promise.all(open.map((end) => end.close())),
  );

  function server(answerTtlMs?: number): Server {
    const up = new Server({ path, journal: journal(join(home, 'inbox'), { answerTtlMs }), closeTimeoutMs: 100 });
    open.push(up);
    return up;
  }

  /** Answers with how many were asked; fails for data that is negative. */
  function answering(answerTtlMs?: number): Server {
    return server(answerTtlMs).handle((data, { key, redelivered, peer }) => {
      asked.push({ data, key, redelivered, isHere: peer !== undefined });
      if (Number(data) < 0) throw new BusError('E_NEGATIVE', 'There is no such amount');
      return asked.length;
    });
  }

  function client(): Client {
    const end = new Client({ path, journal: journal(join(home, 'outbox')), maxRetryTime: 100 });
    open.push(end);
    return end;
  }

  it('request - is asked once there is a link, with its key, and with its name where it has none', async () => {
    const end = client();
    const early = end.request('a', { durable: true });
    await answering().start();
    await end.connect();
    expect(await early).to.equal(1);
    expect(await end.request('b', { durable: true, key: 'k' })).to.equal(2);
    expect(asked.map(({ data, redelivered, isHere }) => ({ data, redelivered, isHere }))).to.deep.equal([
      { data: 'a', redelivered: false, isHere: true },
      { data: 'b', redelivered: false, isHere: true },
    ]);
    expect(asked[0]?.key).to.match(/^[\w-]{22}\.\d+$/);
    expect(asked[1]?.key).to.equal('k');
    expect(await end.request('c', { durable: false })).to.equal(3);
    expect(asked[2]?.key).to.equal(undefined);
    expect((await end.backlog()).messages).to.equal(0);
  });

  it('key - asked again, at once, later and in the next process, has the one answer, be it an error; other data rejects', async () => {
    await answering().start();
    let end = await client().connect();
    const both = [end.request(5, { durable: true, key: 'k' }), end.request(5, { durable: true, key: 'k' })];
    const other = await rejected(end.request(6, { durable: true, key: 'k' }));
    expect(other.code).to.equal('ERR_INVALID_ARGUMENT');
    expect(await Promise.all(both)).to.deep.equal([1, 1]);
    expect(await end.request(5, { durable: true, key: 'k' })).to.equal(1);
    const failed = await rejected(end.request(-1, { durable: true, key: 'bad' }));
    expect([failed.code, failed.message]).to.deep.equal(['E_NEGATIVE', 'There is no such amount']);
    await end.close();
    end = await client().connect();
    expect(await end.request(5, { durable: true, key: 'k' })).to.equal(1);
    expect((await rejected(end.request(-1, { durable: true, key: 'bad' }))).code).to.equal('E_NEGATIVE');
    expect((await rejected(end.request(6, { durable: true, key: 'k' }))).code).to.equal('ERR_INVALID_ARGUMENT');
    expect(asked.map(({ data }) => data)).to.deep.equal([5, -1]);
  });

  it('key - asked again by the next process with other data before it is connected rejects', async () => {
    await answering().start();
    const first = await client().connect();
    expect(await first.request('one', { durable: true, key: 'k' })).to.equal(1);
    await first.close();
    const second = client();
    const asking = second.request('another', { durable: true, key: 'k' });
    // It has its place when the client asks for what is there already.
    await second.backlog();
    await second.connect();
    expect((await rejected(asking)).code).to.equal('ERR_INVALID_ARGUMENT');
    expect(asked.map(({ data }) => data)).to.deep.equal(['one']);
  });

  it('answers - that are too large for who asked reject there, then and when it is asked again', async () => {
    await server()
      .handle(() => 'x'.repeat(100_000))
      .start();
    const end = new Client({ path, journal: journal(join(home, 'outbox')), maxMessageBytes: 20_000 });
    open.push(end);
    await end.connect();
    for (let time = 0; time < 2; time++) {
      expect((await rejected(end.request(1, { durable: true, key: 'k' }))).code).to.equal('ERR_TOO_LARGE');
    }
  });

  it('answers - are told one at a time, each once, to who asks for them often and reads nothing', async () => {
    const key = 'k';
    const up = await server()
      .handle(() => 'an answer')
      .start();
    const end = await client().connect();
    await end.request(1, { durable: true, key });
    const [connection] = up.connections;
    const folder = connection?.journal ?? '';
    await end.close();

    const asker = await RawSender.connect(path, folder);
    open.push(asker.client);
    const asks = Array.from({ length: 20 }, () =>
      asker.ask(Array.from({ length: 100 }, () => [`=${key}`, digestOf(new MessageCodec().encode(1))])),
    );
    await Promise.all(asks);
    await until(() => asker.acknowledged.length > 0);
    expect(asker.acknowledged.length).to.be.lessThan(22);
  });

  it('answers - survive the server, and are told to who waits over a restart of it', async () => {
    let up = await answering().start();
    const end = await client().connect();
    expect(await end.request(1, { durable: true, key: 'first' })).to.equal(1);
    let release: () => void = () => {};
    up.handle(() => new Promise((resolve) => (release = () => resolve('late'))));
    const waiting = end.request(2, { durable: true, timeout: 0 });
    const begun = release;
    await until(() => release !== begun);
    // Where handlers take longer than `closeTimeoutMs`, the next process asks again.
    await up.close(true);
    release();
    up = await answering().start();
    expect(await waiting).to.equal(2);
    expect(asked[1]).to.deep.include({ data: 2, redelivered: true });
    expect(await end.request(1, { durable: true, key: 'first' })).to.equal(1);
    expect(asked).to.have.length(2);
  });

  it('senders - that are gone are asked for all the same; the next process joins, and gets the answer that was kept', async () => {
    let end = client();
    const lost = rejected(end.request('a', { durable: true, key: 'a', timeout: 0 }));
    const nobody = rejected(end.request('b', { durable: true, timeout: 0 }));
    await until(async () => (await end.backlog()).messages === 2);
    await end.close();
    expect([(await lost).code, (await nobody).code]).to.deep.equal(['ERR_CLOSED', 'ERR_CLOSED']);
    const up = await answering().start();
    end = client();
    const joined = end.request('a', { durable: true, key: 'a' });
    await end.connect();
    expect(await joined).to.equal(1);
    await until(() => asked.length === 2);
    expect(asked.map(({ data }) => data)).to.deep.equal(['a', 'b']);
    await end.close();

    // The server has it, and has not answered it, when its sender goes.
    let release: () => void = () => {};
    let isAsked = false;
    up.handle((_data, { peer }) => {
      isAsked = peer !== undefined;
      return new Promise((resolve) => (release = () => resolve('kept')));
    });
    end = await client().connect();
    const gone = rejected(end.request('c', { durable: true, key: 'c' }));
    await until(() => isAsked);
    await end.close();
    await gone;
    release();
    up.handle(() => 'asked again');
    end = await client().connect();
    expect(await end.request('c', { durable: true, key: 'c' })).to.equal('kept');
  });

  it('timeout and signal - end the wait, and not the request', async () => {
    const up = await server().start();
    let release: () => void = () => {};
    let calls = 0;
    up.handle(() => {
      calls += 1;
      return new Promise((resolve) => (release = () => resolve('done')));
    });
    const end = await client().connect();
    expect((await rejected(end.request(1, { durable: true, key: 'k', timeout: 20 }))).code).to.equal('ERR_TIMEOUT');
    await until(() => calls === 1);
    const controller = new AbortController();
    const aborted = rejected(end.request(1, { durable: true, key: 'k', signal: controller.signal }));
    controller.abort();
    expect((await aborted).code).to.equal('ERR_ABORTED');
    const again = end.request(1, { durable: true, key: 'k' });
    release();
    expect(await again).to.equal('done');
    expect(calls).to.equal(1);
  });

  it('answerTtlMs - after it a key is asked anew', async () => {
    await answering(50).start();
    const end = await client().connect();
    expect(await end.request(1, { durable: true, key: 'k' })).to.equal(1);
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(await end.request(1, { durable: true, key: 'k' })).to.equal(2);
  });

  it('handlers - are waited for at first, which holds up no messages', async () => {
    const up = server();
    const seen: unknown[] = [];
    up.on('message', (data) => void seen.push(data));
    await up.start();
    const end = await client().connect();
    const sent = [
      end.send('a', { durable: true }),
      end.request('b', { durable: true }),
      end.send('c', { durable: true }),
    ];
    await until(() => seen.length === 2);
    up.handle((data) => void seen.push(data));
    await Promise.all(sent);
    expect(seen).to.deep.equal(['a', 'c', 'b']);
  });

  it('servers without a journal - answer, and are asked again where the session was lost', async () => {
    const up = await new Server({ path }).handle((data) => [data]).start();
    open.push(up);
    const end = client();
    const early = end.request('a', { durable: true, key: 'a' });
    await end.connect();
    expect(await early).to.deep.equal(['a']);
    up.handle(() => {
      throw new BusError('E_NO', 'no');
    });
    expect((await rejected(end.request('b', { durable: true }))).code).to.equal('E_NO');
    expect((await end.backlog()).messages).to.equal(0);
  });

  it('servers without a journal - hold up no messages while their handlers hang, and are asked again in the next session', async () => {
    const heard: unknown[] = [];
    const up = new Server({ path }).handle(() => new Promise(() => {}));
    up.on('message', (data) => void heard.push(data));
    open.push(await up.start());
    const end = client();
    const asked = end.request('a', { durable: true });
    await end.connect();
    await end.send('durable', { durable: true, confirm: true });
    await end.send('plain', { confirm: true });
    expect(heard).to.deep.equal(['durable', 'plain']);
    // What is behind the request is sent again too, should this process end.
    expect((await end.backlog()).messages).to.equal(2);
    up.handle((data) => [data]);
    for (const connection of up.connections) connection.destroy();
    expect(await asked).to.deep.equal(['a']);
    await until(async () => (await end.backlog()).messages === 0);
  });

  it('settings - that a request does not take are ERR_INVALID_ARGUMENT', async () => {
    const end = client();
    for (const settings of [
      { durable: 1 },
      { durable: true, key: '' },
      { durable: true, key: 'x'.repeat(257) },
      { durable: true, key: 'order \ud83d' },
      { durable: true, idempotent: false },
      { durable: true, timeout: -1 },
      { key: 'k' },
    ]) {
      expect((await rejected(end.request(1, settings as never))).code).to.equal('ERR_INVALID_ARGUMENT');
    }
    const bare = new Client({ path });
    expect((await rejected(bare.request(1, { durable: true }))).code).to.equal('ERR_INVALID_ARGUMENT');
  });
});
