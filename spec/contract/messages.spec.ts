import { expect } from 'chai';
import { it } from 'mocha';
import type { Connection } from '../../lib/index.ts';
import { contract, next, rejected, sleep, turn, until } from '../support/buses.ts';

const text = 'grüße, 世界 🚌';
const values: readonly unknown[] = [
  null,
  true,
  0,
  -1.5,
  Number.MAX_SAFE_INTEGER,
  '',
  text,
  [1, [2, [3]]],
  { a: { b: [{ c: text }] }, list: [null, false, 'x'] },
];

contract('messages', (bus, dialect) => {
  it('arrive as they were, in order, both ways', async () => {
    const { server, client, connection } = await bus().pair();
    const up: unknown[] = [];
    const down: unknown[] = [];
    const from = new Set<Connection | undefined>();
    server.on('message', (message, sender) => {
      up.push(message);
      from.add(sender);
    });
    client.on('message', (message) => down.push(message));
    const sent = Array.from({ length: 300 }, (_, at) => ({ at, text, value: values[at % values.length] }));
    for (const message of sent) {
      void client.send(message);
      void connection.send(message);
    }
    expect(await client.send('last')).to.equal(undefined);
    expect(await connection.send('last')).to.equal(undefined);
    await until(() => up.length > 300 && down.length > 300);
    expect(up).to.deep.equal([...sent, 'last']);
    expect(down).to.deep.equal([...sent, 'last']);
    expect([...from]).to.deep.equal([connection]);
  });

  it('may be values of any kind', async () => {
    const { server, client } = await bus().pair();
    const got: unknown[] = [];
    server.on('message', (message) => got.push(message));
    for (const value of [...values, undefined]) await client.send(value);
    await until(() => got.length === values.length + 1);
    expect(got).to.deep.equal([...values, undefined]);
  });

  it('may be large', async () => {
    const { server, client, connection } = await bus().pair();
    const large = { text: text.repeat(70_000) };
    const up = next(server, 'message');
    const down = next(client, 'message');
    await Promise.all([client.send(large), connection.send(large)]);
    expect((await up)[0]).to.deep.equal(large);
    expect((await down)[0]).to.deep.equal(large);
  });

  it('that cannot be encoded are rejected at once, and the next one arrives', async () => {
    const { server, client, connection } = await bus().pair();
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    for (const end of [client, connection]) {
      expect((await rejected(end.send(circular))).code).to.equal('ERR_UNENCODABLE');
      if (dialect.codec === 'JSON') expect((await rejected(end.send(1n))).code).to.equal('ERR_UNENCODABLE');
      expect((await rejected(end.request(circular))).code).to.equal('ERR_UNENCODABLE');
      expect((await rejected(end.ping(circular))).code).to.equal('ERR_UNENCODABLE');
    }
    const arrived = next(server, 'message');
    const back = next(client, 'message');
    await client.send({ fine: 1 });
    await connection.send({ fine: 2 });
    expect((await arrived)[0]).to.deep.equal({ fine: 1 });
    expect((await back)[0]).to.deep.equal({ fine: 2 });
  });

  it('over the limit are rejected ERR_TOO_LARGE, and the next one arrives', async () => {
    const limits = { maxMessageBytes: 2_048 };
    const { server, client } = await bus().pair(limits, limits);
    expect((await rejected(client.send('x'.repeat(4_096)))).code).to.equal('ERR_TOO_LARGE');
    const arrived = next(server, 'message');
    await client.send('small');
    expect((await arrived)[0]).to.equal('small');
  });

  it('are refused with ERR_CLOSED where there is no connection', async () => {
    const { client, connection } = await bus().pair();
    expect((await rejected(bus().newClient().send('early'))).code).to.equal('ERR_CLOSED');
    await client.close();
    await until(() => connection.attached === false);
    for (const end of [client, connection]) {
      expect((await rejected(end.send('late'))).code).to.equal('ERR_CLOSED');
      expect((await rejected(end.request('late'))).code).to.equal('ERR_CLOSED');
      expect((await rejected(end.ping())).code).to.equal('ERR_CLOSED');
      expect(end.destroy()).to.equal(false);
    }
  });

  it('are confirmed by the peer, where the tier can', async () => {
    const { server, client, connection } = await bus().pair();
    if (dialect.tier === 'legacy') {
      expect((await rejected(client.send('x', { confirm: true }))).code).to.equal('ERR_PEER_LACKS_FEATURE');
      expect((await rejected(connection.send('x', { confirm: true }))).code).to.equal('ERR_PEER_LACKS_FEATURE');
      return;
    }
    const got: unknown[] = [];
    server.on('message', (message) => got.push(message));
    client.on('message', (message) => got.push(message));
    await client.send('up', { confirm: true });
    expect(got).to.deep.equal(['up']);
    await connection.send('down', { confirm: true });
    expect(got).to.deep.equal(['up', 'down']);
  });

  it('were all handed over once flush resolves', async () => {
    const { server, client } = await bus().pair();
    let got = 0;
    server.on('message', () => (got += 1));
    for (let i = 0; i < 100; i++) void client.send(i);
    await client.flush();
    if (dialect.tier === 'session') expect(got).to.equal(100);
    await until(() => got === 100);
  });

  it('have all left once flush resolves, though nobody acknowledges', async () => {
    const { server, client } = await bus().pair();
    const got: unknown[] = [];
    server.on('message', (message) => got.push(message));
    for (const message of ['a', 'b', 'c']) void client.send(message);
    await client.flush();
    client.connection?.destroy();
    await until(() => got.length === 3);
    expect(got).to.deep.equal(['a', 'b', 'c']);
  });

  it('reach the other listeners when one throws or rejects, which is told as error', async () => {
    const { server, client } = await bus().pair();
    const got: unknown[] = [];
    server.on('message', () => {
      throw new Error('first');
    });
    server.on('message', () => Promise.reject(new Error('second')));
    server.on('message', (message) => got.push(message));
    await client.send(1);
    await until(() => bus().errors.length === 2 && got.length === 1);
    expect(bus().errors.map(({ message }) => message)).to.deep.equal(['first', 'second']);
    expect(bus().takeErrors()).to.deep.equal(['ERR_LISTENER', 'ERR_LISTENER']);
    expect(await client.ping()).to.be.a('number');
  });

  it('come out of messages() too, until the client closes', async () => {
    const { client, connection } = await bus().pair();
    const got: unknown[] = [];
    const loop = (async () => {
      for await (const message of client.messages()) got.push(message);
    })();
    for (let i = 0; i < 50; i++) await connection.send(i);
    await until(() => got.length === 50);
    await connection.close('done');
    await loop;
    expect(got).to.deep.equal(Array.from({ length: 50 }, (_, at) => at));
  });

  it('come out of messages() of a connection, and a loop that ends leaves the others alone', async () => {
    const { client, connection } = await bus().pair();
    const first: unknown[] = [];
    const all: unknown[] = [];
    const short = (async () => {
      for await (const message of connection.messages()) {
        first.push(message);
        if (first.length === 2) break;
      }
    })();
    const long = (async () => {
      for await (const message of connection.messages()) all.push(message);
    })();
    for (let i = 0; i < 5; i++) await client.send(i);
    await short;
    await until(() => all.length === 5);
    await client.close();
    await long;
    expect(first).to.deep.equal([0, 1]);
    for await (const message of connection.messages()) throw new Error(`${String(message)} after the end`);
  });

  it('wait at the sender while a loop over messages() is slow', async () => {
    const { server, client, connection } = await bus().pair();
    const loop = connection.messages();
    for (let i = 0; i < 3_000; i++) void client.send(i);
    let seen = 0;
    server.on('message', () => (seen += 1));
    for (let i = 0; i < 50; i++) await turn();
    for (let expected = 0; expected < 3_000; expected++) {
      const { value } = await loop.next();
      if (value !== expected) throw new Error(`${String(value)} came instead of ${expected}`);
    }
    expect(seen).to.equal(3_000);
    await loop.return?.();
  });

  it('wait at the sender by their bytes too', async () => {
    if (dialect.name.includes('deflate')) return;
    const { server, client, connection } = await bus().pair();
    const loop = connection.messages();
    let seen = 0;
    server.on('message', () => (seen += 1));
    const count = 30;
    for (let number = 0; number < count; number++) void client.send('x'.repeat(1_048_576) + number);
    await until(() => seen >= 16);
    await sleep(50);
    expect(seen).to.be.within(16, 20);
    for (let number = 0; number < count; number++) {
      const { value } = (await loop.next()) as { value: string };
      expect(value.slice(1_048_576)).to.equal(`${number}`);
    }
    await loop.return?.();
  });

  it('with an object for the key of a Map are refused at once, and cost nobody anything', async () => {
    if (dialect.name.startsWith('net-ipc JSON')) return;
    const { server, client, connection } = await bus().pair();
    const got: unknown[] = [];
    server.on('message', (message) => got.push(message));
    for (const key of [{ a: 1 }, ['a'], new Date(), Buffer.from('a')]) {
      for (const data of [new Map([[key, 1]]), { deep: [new Set([new Map([[key, 1]])])] }]) {
        expect((await rejected(client.send(data))).code).to.equal('ERR_UNENCODABLE');
        expect((await rejected(connection.request(data))).code).to.equal('ERR_UNENCODABLE');
        await server.broadcast(data);
        expect(bus().takeErrors()).to.deep.equal(['ERR_UNENCODABLE']);
      }
    }
    await client.send(
      new Map<unknown, unknown>([
        ['a', 1],
        [2, 'b'],
        [true, null],
        [null, new Map([['c', 3]])],
      ]),
    ); // prettier-ignore
    await until(() => got.length === 1);
    expect(got).to.deep.equal([{ a: 1, 2: 'b', true: null, null: { c: 3 } }]);
    expect(connection.attached).to.equal(true);
  });

  it('a loop that is slower than its peer - hears all that was sent before the close', async () => {
    const { client, connection } = await bus().pair({}, { closeTimeoutMs: 30_000 });
    const loop = (async () => {
      const heard: unknown[] = [];
      for await (const message of connection.messages()) {
        heard.push(message);
        if (heard.length % 500 === 0) await turn();
      }
      return heard;
    })();
    const all = Array.from({ length: 3_000 }, (_, at) => at);
    for (const message of all) void client.send(message);
    await client.close();
    expect(await loop).to.deep.equal(all);
  });
});

contract('broadcast', (bus) => {
  it('reaches every client, and resolves nothing', async () => {
    const server = await bus().server();
    const clients = await Promise.all(Array.from({ length: 5 }, () => bus().client()));
    const got = clients.map((client) => next(client, 'message'));
    expect(await server.broadcast({ text })).to.equal(undefined);
    for (const [message] of await Promise.all(got)) expect(message).to.deep.equal({ text });
    expect(
      await (
        await bus()
          .newServer()
          .start()
          .catch(() => server)
      ).broadcast('nobody minds'),
    ).to.equal(undefined);
  });

  it('never rejects: what cannot be encoded goes to error', async () => {
    const { server, client } = await bus().pair();
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    expect(await server.broadcast(circular)).to.equal(undefined);
    expect(bus().takeErrors()).to.deep.equal(['ERR_UNENCODABLE']);
    const got = next(client, 'message');
    await server.broadcast('fine');
    expect((await got)[0]).to.equal('fine');
  });

  it('misses nobody while others leave', async () => {
    const server = await bus().server();
    const staying = await Promise.all(Array.from({ length: 4 }, () => bus().client()));
    const leaving = await Promise.all(Array.from({ length: 6 }, () => bus().client()));
    const counts = staying.map(() => 0);
    for (const [at, client] of staying.entries()) client.on('message', () => (counts[at]! += 1));
    let settled = 0;
    for (let i = 0; i < 60; i++) {
      const sent = server.broadcast(i);
      if (i % 10 === 5) leaving.pop()?.destroy();
      await sent;
      settled += 1;
    }
    await until(() => counts.every((count) => count === 60));
    expect(settled).to.equal(60);
  });
});
