import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type BusError, Client, type ClientOptions, type Connection, Server } from '../../../lib/index.ts';
import type { DurableContext } from '../../../lib/index.ts';
import { journal, type JournalSettings } from '../../../lib/plugins/journal/index.ts';
import { next, rejected, until } from '../../support/buses.ts';
import { ownPlace } from './own-folder.ts';

interface Heard {
  readonly data: unknown;
  readonly context: DurableContext | undefined;
}

describe('journal, durable messages to clients', () => {
  const at = ownPlace();

  const folder = (name: string): string => join(at.home, name);

  function server(options: JournalSettings = {}, native = true): Server {
    const made = new Server({ path: at.path, native, journal: journal(folder('server'), options) });
    made.on('error', ({ code }) => at.errors.push(code));
    at.open.push(made);
    return made;
  }

  function client(options: Omit<ClientOptions, 'path'> & { name?: string | undefined } = {}): Client {
    const { name = 'client', ...others } = options;
    const made = new Client({ path: at.path, maxRetryTime: 100, journal: journal(folder(name)), ...others });
    made.on('error', ({ code }) => code !== 'ERR_CONNECT' && at.errors.push(code));
    at.open.push(made);
    return made;
  }

  function hear(end: Client): Heard[] {
    const heard: Heard[] = [];
    end.on('message', (data, context) => void heard.push({ data, context }));
    return heard;
  }
  const dataOf = (heard: readonly Heard[]): unknown[] => heard.map(({ data }) => data);

  async function connected(up: Server, end: Client): Promise<Connection> {
    const [[connection]] = await Promise.all([next(up, 'connect'), end.connect()]);
    return connection as Connection;
  }

  /** The client goes at the moment in which the server sends to it; the last of them is to be confirmed. */
  async function sendBehind(
    up: Server,
    end: Client,
    connection: Connection,
    ...all: readonly unknown[]
  ): Promise<{ readonly confirmed: Promise<void> }> {
    const gone = next(up, 'disconnect');
    end.destroy();
    const sent = all.slice(0, -1).map((data) => connection.send(data, { durable: true }));
    const confirmed = connection.send(all.at(-1), { durable: true, confirm: true });
    confirmed.catch(() => {});
    await Promise.all([...sent, gone]);
    return { confirmed };
  }

  it('send - resolves when the journal of the server has it, with confirm when that of the client has; in order with plain ones', async () => {
    const up = await server().start();
    const end = client();
    const heard = hear(end);
    const connection = await connected(up, end);
    expect(connection.delivery).to.equal('journal');
    const sent = [
      connection.send(0),
      connection.send(1, { durable: true }),
      connection.send(2),
      connection.send(3, { durable: true, confirm: true }),
      connection.send(4),
      connection.send(5, { durable: true, timeout: 10_000 }),
    ];
    await Promise.all(sent);
    await until(() => heard.length === 6);
    expect(dataOf(heard)).to.deep.equal([0, 1, 2, 3, 4, 5]);
    expect(heard.map(({ context }) => context?.redelivered)).to.deep.equal([
      undefined,
      false,
      undefined,
      false,
      undefined,
      false,
    ]);
    expect(readdirSync(join(folder('server'), 'peers'))).to.deep.equal([connection.journal]);
    await until(async () => (await up.backlog()).length === 0);
    expect(at.errors).to.deep.equal([]);
  });

  it('clients - that have no journal, or speak net-ipc, reject durable sends with ERR_PEER_LACKS_FEATURE, and plain ones go on', async () => {
    const up = await server().start();
    for (const options of [{ journal: undefined }, { journal: undefined, native: false }]) {
      const end = client(options);
      const heard = hear(end);
      const connection = await connected(up, end);
      const first = rejected(connection.send('a', { durable: true }));
      const plain = connection.send('b');
      expect((await first).code).to.equal('ERR_PEER_LACKS_FEATURE');
      await plain;
      expect((await rejected(connection.send('c', { durable: true, timeout: 1_000 }))).code).to.equal(
        'ERR_PEER_LACKS_FEATURE',
      );
      await until(() => heard.length === 1);
      expect(dataOf(heard)).to.deep.equal(['b']);
      expect(connection.journal).to.equal(undefined);
    }
    expect((await rejected(new Server({ path: at.path }).backlog())).code).to.equal('ERR_STATE');
  });

  it('connect listeners - may await a durable send', async () => {
    const up = server();
    up.on('connect', (connection) => connection.send('welcome', { durable: true, confirm: true }));
    await up.start();
    const end = client();
    const heard = hear(end);
    await end.connect();
    await until(() => heard.length === 1);
    expect(at.errors).to.deep.equal([]);
  });

  it('a client that is away - gets what was accepted, first and in order, when it is back, also from the next server', async () => {
    let up = await server().start();
    let end = client();
    let connection = await connected(up, end);
    const id = connection.journal;
    await connection.send('taken', { durable: true, confirm: true });
    const { confirmed } = await sendBehind(up, end, connection, 'a', 'b', 'c', 'd');
    expect((await rejected(connection.send('late', { durable: true }))).code).to.equal('ERR_CLOSED');
    expect(await up.backlog()).to.have.length(1);
    const [waiting] = await up.backlog();
    expect(waiting).to.deep.include({ id, messages: 4 });
    expect(waiting?.oldestMs).to.be.within(0, 60_000);
    // Nobody hears of it in this process any more.
    const unheard = rejected(confirmed);
    await up.close();
    expect((await unheard).code).to.equal('ERR_CLOSED');

    up = await server().start();
    expect((await up.backlog()).map(({ id: of, messages }) => [of, messages])).to.deep.equal([[id, 4]]);
    // What its earlier process took and nobody heard comes first.
    end = client();
    const heard = hear(end);
    connection = await connected(up, end);
    expect(connection.journal).to.equal(id);
    await connection.send('e', { durable: true, confirm: true });
    await until(() => heard.length === 6);
    expect(dataOf(heard)).to.deep.equal(['taken', 'a', 'b', 'c', 'd', 'e']);
    expect(await up.backlog()).to.deep.equal([]);
    expect(at.errors).to.deep.equal([]);
  });

  it('confirm - waits over sessions for the client that comes back', async () => {
    const up = await server().start();
    let end = client();
    const connection = await connected(up, end);
    await connection.send(1, { durable: true, confirm: true });
    const { confirmed } = await sendBehind(up, end, connection, 2);
    end = client();
    const heard = hear(end);
    await end.connect();
    await confirmed;
    await until(() => heard.length === 2);
    expect(dataOf(heard)).to.deep.equal([1, 2]);
    expect(at.errors).to.deep.equal([]);
  });

  it('forget - of a client that is here gives up what it does not have, however often, and what follows goes on', async () => {
    const up = await server().start();
    const end = client();
    const heard = hear(end);
    const connection = await connected(up, end);
    await connection.send('first', { durable: true, confirm: true });
    const id = connection.journal ?? '';
    let forgotten = 0;
    for (let round = 0; round < 10; round++) {
      const sends = Array.from({ length: 50 }, () => connection.send(round, { durable: true, confirm: true }));
      const outcomes = Promise.allSettled(sends);
      await connection.send(round, { durable: true });
      const [count] = await Promise.all([up.forget(id), connection.send(`plain ${round}`)]);
      forgotten += count;
      for (const outcome of await outcomes) {
        if (outcome.status === 'rejected') expect((outcome.reason as BusError).code).to.equal('ERR_CLOSED');
      }
      expect(await up.backlog()).to.deep.equal([]);
      await connection.send(`after ${round}`, { durable: true, confirm: true });
    }
    expect(forgotten).to.be.above(0);
    const texts = dataOf(heard).filter((data) => typeof data === 'string');
    const afters = Array.from({ length: 10 }, (_, round) => `after ${round}`);
    expect(texts.filter((text) => text.startsWith('after'))).to.deep.equal(afters);
    expect(texts).to.have.length(21);
    expect(connection.journal).to.equal(id);
    expect(at.errors).to.deep.equal([]);
    // Of what was forgotten nothing comes back with the next process.
    await up.close();
    const before = heard.length;
    const again = await server().start();
    await (await connected(again, end)).send('last', { durable: true, confirm: true });
    expect(dataOf(heard.slice(before))).to.deep.equal(['last']);
  });

  it('forget - gives up what waits for a client, and peerTtlMs does so with a report', async () => {
    let up = await server({ peerTtlMs: 300 }).start();
    let end = client();
    let connection = await connected(up, end);
    const id = connection.journal ?? '';
    await connection.send(0, { durable: true, confirm: true });
    const { confirmed } = await sendBehind(up, end, connection, 1, 2);
    const unheard = rejected(confirmed);
    expect((await up.backlog())[0]?.messages).to.equal(2);
    expect(await up.forget(id)).to.equal(2);
    expect((await unheard).code).to.equal('ERR_CLOSED');
    expect(await up.forget(id)).to.equal(0);
    expect(await up.backlog()).to.deep.equal([]);
    expect(readdirSync(join(folder('server'), 'peers'))).to.deep.equal([]);

    end = client();
    connection = await connected(up, end);
    await connection.send(3, { durable: true, confirm: true });
    await sendBehind(up, end, connection, 4);
    await until(() => at.errors.length === 1);
    expect(at.errors).to.deep.equal(['ERR_JOURNAL']);
    expect(await up.backlog()).to.deep.equal([]);
    end = client();
    const heard = hear(end);
    connection = await connected(up, end);
    expect(connection.journal).to.equal(id);
    await connection.send(5, { durable: true, confirm: true });
    await until(() => heard.some(({ data }) => data === 5));
    expect(dataOf(heard)).to.deep.equal([0, 3, 5]);

    // The next server knows since when they wait.
    await sendBehind(up, end, connection, 6);
    await up.close();
    at.errors.length = 0;
    up = await server({ peerTtlMs: 300 }).start();
    await until(() => at.errors.length === 1);
    expect(await up.backlog()).to.deep.equal([]);
  });
});
