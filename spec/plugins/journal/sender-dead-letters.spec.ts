import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, type ClientOptions, type DeadLetter, Server, type ServerOptions } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { journalInProcess } from '../../cli/in-process.ts';
import { rejected, until } from '../../support/buses.ts';
import { hear, ownPlace } from './own-folder.ts';

describe('journal, dead letters of the sender', () => {
  const at = ownPlace();

  function server(options: Omit<ServerOptions, 'path'> & { readonly bare?: boolean } = {}): Server {
    const { bare = false, ...others } = options;
    const made = new Server({ path: at.path, journal: bare ? undefined : journal(join(at.home, 'server')), ...others });
    made.on('error', ({ code }) => at.errors.push(code));
    at.open.push(made);
    return made;
  }

  function client(options: Omit<ClientOptions, 'path'> = {}): Client {
    const made = new Client({
      path: at.path,
      maxRetryTime: 100,
      journal: journal(join(at.home, 'client')),
      ...options,
    });
    made.on('error', ({ code }) => code !== 'ERR_CONNECT' && at.errors.push(code));
    at.open.push(made);
    return made;
  }

  const large = 'x'.repeat(100_000);
  const told = ({ data, error, attempts }: DeadLetter): unknown => [data, error.code, attempts];

  it('a server without a journal that takes less deep data - what is too deep for it is a dead letter, and what is behind it passes', async () => {
    const up = await server({ bare: true, maxDepth: 20 }).start();
    const heard = hear(up);
    let [deep, fits] = ['x'.repeat(5_000), 'x'.repeat(5_000)] as unknown[];
    for (let level = 0; level < 21; level++) deep = [deep];
    for (let level = 0; level < 20; level++) fits = [fits];
    const sender = client();
    for (const data of ['before', deep, fits]) await sender.send(data, { durable: true });
    await sender.connect();
    const [connection] = up.connections;
    const confirmed = await rejected(sender.send(deep, { durable: true, confirm: true }));
    expect(confirmed.code).to.equal('ERR_UNENCODABLE');
    expect((await rejected(sender.send(deep))).code, 'a plain one').to.equal('ERR_UNENCODABLE');
    await sender.send('behind', { durable: true, confirm: true });
    expect(heard).to.deep.equal(['before', fits, 'behind']);
    const letters = (await sender.deadLetters.list()).map(told);
    expect(letters).to.deep.equal([
      [deep, 'ERR_UNENCODABLE', 1],
      [deep, 'ERR_UNENCODABLE', 1],
    ]);
    expect(up.connections, 'the session of before').to.deep.equal([connection]);
    expect(at.errors).to.deep.equal([]);
  });

  it('data that nests too deep - is refused when it is sent, and nothing waits for it', async () => {
    const up = await server({ bare: true }).start();
    const heard = hear(up);
    const sender = await client().connect();
    let deep: unknown = 'x'.repeat(5_000);
    for (let level = 0; level < 65; level++) deep = [deep];
    await sender.send('before', { durable: true });
    expect((await rejected(sender.send(deep, { durable: true }))).code).to.equal('ERR_UNENCODABLE');
    await sender.send('behind', { durable: true, confirm: true });
    expect(heard).to.deep.equal(['before', 'behind']);
    expect((await sender.backlog()).messages).to.equal(0);
  });

  for (const { name, limits } of [
    { name: 'a server with a journal', limits: {} },
    { name: 'a server without one', limits: { bare: true } },
  ]) {
    it(`${name} - what is too large for it is a dead letter of the client, and what is behind it passes`, async () => {
      let up = await server({ ...limits, maxMessageBytes: 20_000 }).start();
      let heard = hear(up);
      let sender = client();
      const letters: unknown[] = [];
      sender.on('deadLetter', (letter) => void letters.push(told(letter)));
      // Together they are too much for one piece as well.
      const some = Array.from({ length: 30 }, (_, index) => `${index} ${'y'.repeat(1_000)}`);
      for (const data of [...some, large, 'behind']) await sender.send(data, { durable: true });
      await sender.connect();
      await until(() => heard.includes('behind'));
      expect(heard).to.deep.equal([...some, 'behind']);
      await until(async () => (await sender.backlog()).messages === 0);
      expect(letters).to.deep.equal([[large, 'ERR_TOO_LARGE', 1]]);
      expect(at.errors).to.deep.equal([]);

      // They are there in the next process, until something is decided about them.
      await sender.close();
      await up.close();
      up = await server({ ...limits }).start();
      heard = hear(up);
      sender = await client().connect();
      const list = await sender.deadLetters.list();
      expect(list.map(told)).to.deep.equal([[large, 'ERR_TOO_LARGE', 1]]);
      const id = list[0]?.id ?? '';
      // Whichever has read it first has it.
      const both = await Promise.allSettled([sender.deadLetters.retry(id), sender.deadLetters.retry(id)]);
      expect(both.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected']);
      await until(() => heard.length === 1);
      expect(heard).to.deep.equal([large]);
      expect(await sender.deadLetters.list()).to.deep.equal([]);
      expect((await rejected(sender.deadLetters.discard(id))).code).to.equal('ERR_INVALID_ARGUMENT');
    });

    it(`${name} - a request that is too large for it is one too, whether anybody waits for its answer or not`, async () => {
      const before = client();
      const early = rejected(before.request(large, { durable: true, key: 'of before' }));
      await until(async () => (await before.backlog()).messages === 1);
      await before.close();
      expect((await early).code).to.equal('ERR_CLOSED');

      const up = await server({ ...limits, maxMessageBytes: 20_000 })
        .handle(() => 'answer')
        .start();
      const heard = hear(up);
      const sender = await client().connect();
      const left = rejected(sender.request(large, { durable: true, key: 'left', timeout: 1 }));
      const waited = rejected(sender.request(large, { durable: true, key: 'waited' }));
      await sender.send('behind', { durable: true });
      expect((await waited).code).to.equal('ERR_TOO_LARGE');
      expect((await left).code).to.be.oneOf(['ERR_TIMEOUT', 'ERR_TOO_LARGE']);
      await until(() => heard.includes('behind'));
      await until(async () => (await sender.backlog()).messages === 0);
      expect((await sender.deadLetters.list()).map(({ error }) => error.code)).to.deep.equal(
        Array.from({ length: 3 }, () => 'ERR_TOO_LARGE'),
      );
      expect(await sender.request(1, { durable: true })).to.equal('answer');
    });
  }

  it('confirm - rejects with what the peer refused the message with', async () => {
    const up = await server({ maxMessageBytes: 20_000 }).start();
    const heard = hear(up);
    const sender = await client().connect();
    const sent = [1, large, 2].map((data) => sender.send(data, { durable: true, confirm: true }));
    const [first, second, third] = await Promise.allSettled(sent);
    expect([first?.status, third?.status]).to.deep.equal(['fulfilled', 'fulfilled']);
    expect(second).to.have.nested.property('reason.code', 'ERR_TOO_LARGE');
    await until(() => heard.length === 2);
  });

  it('a client - that refuses a message has it become a dead letter of the server, which sends it again on retry', async () => {
    let up = await server().start();
    let end = client({ maxMessageBytes: 20_000 });
    let heard = hear(end);
    await end.connect();
    const [connection] = up.connections;
    await connection?.send(large, { durable: true });
    await connection?.send('behind', { durable: true, confirm: true });
    await until(() => heard.length === 1);
    expect((await up.deadLetters.list()).map(told)).to.deep.equal([[large, 'ERR_TOO_LARGE', 1]]);
    await end.close();
    await up.close();

    // While the client is away.
    up = await server().start();
    const [letter] = await up.deadLetters.list();
    await up.deadLetters.retry(letter?.id ?? '');
    expect((await up.backlog()).map(({ messages }) => messages)).to.deep.equal([1]);
    end = client();
    heard = hear(end);
    await end.connect();
    await until(() => heard.length === 1);
    expect(heard).to.deep.equal([large]);
    expect(await up.deadLetters.list()).to.deep.equal([]);
    expect(at.errors).to.deep.equal([]);
  });

  it('busbar journal --retry - has what was refused sent by the next process, of a client and of a server', async () => {
    const retry = async (folder: string): Promise<unknown> => (await journalInProcess(folder, '--retry')).code;
    const limited = { maxMessageBytes: 20_000 };
    let up = await server(limited).start();
    let end = await client(limited).connect();
    await end.send(large, { durable: true });
    await up.connections[0]?.send(large, { durable: true });
    await until(async () => (await end.deadLetters.list()).length === 1 && (await up.deadLetters.list()).length === 1);
    await end.close();
    await up.close();
    expect(await retry(join(at.home, 'client', 'inbox'))).to.equal(0);
    expect(await retry(join(at.home, 'server'))).to.equal(0);
    up = server();
    end = client();
    const heard = [hear(up), hear(end)];
    await up.start();
    await end.connect();
    await until(() => heard.every(({ length }) => length === 1));
    expect(heard).to.deep.equal([[large], [large]]);
    expect(await end.deadLetters.list()).to.deep.equal([]);
    expect(await up.deadLetters.list()).to.deep.equal([]);
  });
});
