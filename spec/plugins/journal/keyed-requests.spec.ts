import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, type ClientOptions, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { rejected, until } from '../../support/buses.ts';
import { ownPlace } from './own-folder.ts';
import { RelayedPath } from './relayed-path.ts';

describe('journal, requests with keys that wait', () => {
  const at = ownPlace();

  function client(options: ClientOptions = {}): Client {
    const end = new Client({ path: at.path, journal: journal(join(at.home, 'outbox')), maxRetryTime: 100, ...options });
    at.open.push(end);
    end.on('error', () => {});
    return end;
  }

  /** Answers with how many were asked. */
  async function answering(hasJournal: boolean): Promise<{ readonly server: Server; readonly asked: unknown[] }> {
    const own = hasJournal ? { journal: journal(join(at.home, 'inbox')) } : {};
    const server = new Server({ path: at.path, ...own });
    const asked: unknown[] = [];
    server.handle((data) => asked.push(data));
    at.open.push(server);
    await server.start();
    return { server, asked };
  }

  const waiting = async (end: Client): Promise<number> => (await end.backlog()).messages;

  for (const hasJournal of [true, false]) {
    const peer = `a server ${hasJournal ? 'with' : 'without'} a journal`;

    it(`${peer} - is asked once for what was asked again and again, by the next process too, whoever waits`, async () => {
      const given = { durable: true, key: 'order 7' } as const;
      let end = client();
      for (let round = 0; round < 20; round++) await rejected(end.request('a', { ...given, timeout: 1 }));
      expect((await rejected(end.request('b', { ...given, timeout: 1_000 }))).code).to.equal('ERR_INVALID_ARGUMENT');
      expect(await waiting(end)).to.equal(1);
      await end.close();

      end = client();
      // Before the folder is open.
      expect((await rejected(end.request('b', given))).code).to.equal('ERR_INVALID_ARGUMENT');
      await rejected(end.request('a', { ...given, timeout: 1 }));
      const joined = end.request('a', given);
      const other = end.request('c', { durable: true, key: 'order 8' });
      const after = end.request('a', { durable: true });
      await until(async () => (await waiting(end)) === 3);
      const { asked } = await answering(hasJournal);
      await end.connect();
      expect(await Promise.all([joined, other, after])).to.deep.equal([1, 2, 3]);
      expect(asked).to.deep.equal(['a', 'c', 'a']);
      await until(async () => (await waiting(end)) === 0);
      // One that knows keys has answered it before.
      expect(await end.request('a', given)).to.equal(hasJournal ? 1 : 4);
    });

    it(`${peer} - answers who asks again while an earlier request keeps what it answered from being removed`, async () => {
      const end = client();
      const { server, asked } = await answering(hasJournal);
      let release = (): void => {};
      const held = new Promise<void>((resolve) => (release = resolve));
      server.handle(async (data) => {
        asked.push(data);
        if (data === 'slow') await held;
        return asked.length;
      });
      await end.connect();
      const slow = end.request('slow', { durable: true, key: 'slow' });
      const askAll = (): Promise<unknown[]> =>
        Promise.all(
          Array.from({ length: 10 }, (_, number) =>
            end.request(number, { durable: true, key: `${number}`, timeout: 5_000 }),
          ),
        );
      const first = await askAll();
      const again = await askAll();
      if (hasJournal) expect(again).to.deep.equal(first);
      expect(asked).to.have.length(hasJournal ? 11 : 21);
      release();
      await slow;
    });

    it(`${peer} - has who asks again what was refused refused again, and not left waiting`, async () => {
      const end = client({ maxMessageBytes: 1_000_000 });
      const { server } = await answering(hasJournal);
      await server.close();
      const small = new Server({
        path: at.path,
        maxMessageBytes: 70_000,
        ...(hasJournal ? { journal: journal(join(at.home, 'inbox')) } : {}),
      });
      at.open.push(small);
      await small.handle(() => 'answer').start();
      await end.connect();
      const large = 'x'.repeat(100_000);
      for (let round = 0; round < 2; round++) {
        const asked = end.request(large, { durable: true, key: 'large', timeout: 5_000 });
        expect((await rejected(asked)).code).to.equal('ERR_TOO_LARGE');
      }
    });
  }

  it('a new session - has the answer for who joins before it is known what the server has', async () => {
    const { server, asked } = await answering(true);
    const between = await RelayedPath.open(at.path, join(at.home, 'between.sock'));
    at.open.push(between);
    const end = client({ path: between.path });
    await end.connect();
    const ask = (number: number, timeout: number): Promise<unknown> =>
      end.request(number, { durable: true, key: `key ${number}`, timeout });
    // The server has them and has answered them, and the client knows nothing of it.
    between.holdBack();
    await Promise.all(Array.from({ length: 300 }, (_, number) => rejected(ask(number, 1))));
    await until(() => asked.length === 300);
    for (const connection of server.connections) connection.destroy();
    between.cut();
    await once(end, 'ready');
    const answers: Promise<unknown>[] = [];
    for (let number = 0; number < 300; number++) {
      answers.push(ask(number, 10_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await Promise.all(answers)).to.deep.equal(Array.from({ length: 300 }, (_, number) => number + 1));
    expect(asked).to.have.length(300);
  });
});
