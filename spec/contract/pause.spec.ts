import { expect } from 'chai';
import { it } from 'mocha';
import { contract, sleep, turn, until } from '../support/buses.ts';
import { stopwatch } from '../support/stopwatch.ts';

contract('pausing', (bus, dialect) => {
  it('a connection, the server or the client keeps everything from arriving; resuming delivers it in order', async () => {
    const { server, client, connection } = await bus().pair();
    const up: unknown[] = [];
    const down: unknown[] = [];
    server.on('message', (message) => up.push(message));
    client.on('message', (message) => down.push(message));
    for (const [end, sender, got] of [
      [connection, client, up],
      [server, client, up],
      [client, connection, down],
    ] as const) {
      got.length = 0;
      await sender.send('before');
      await until(() => got.length === 1);
      end.pause();
      for (let i = 0; i < 2_000; i++) void sender.send(i);
      for (let i = 0; i < 20; i++) await turn();
      await sleep(10);
      expect(got).to.deep.equal(['before']);
      end.resume();
      await until(() => got.length === 2_001);
      expect(got.slice(1)).to.deep.equal(Array.from({ length: 2_000 }, (_, at) => at));
    }
  });

  it('holds requests back as well', async () => {
    const { server, client, connection } = await bus().pair();
    let handled = 0;
    server.handle(() => (handled += 1));
    connection.pause();
    const answer = client.request('x');
    await sleep(10);
    expect(handled).to.equal(0);
    connection.resume();
    expect(await answer).to.equal(1);
  });

  it('the server counts for clients to come', async () => {
    const server = await bus().server();
    server.pause();
    const client = await bus().client();
    const got: unknown[] = [];
    server.on('message', (message) => got.push(message));
    for (let i = 0; i < 10; i++) void client.send(i);
    await sleep(10);
    expect(got).to.deep.equal([]);
    server.resume();
    await until(() => got.length === 10);
  });

  it('one connection leaves the others alone', async () => {
    const { server, client, connection } = await bus().pair();
    const other = await bus().client();
    const got: unknown[] = [];
    server.on('message', (message, from) => got.push([message, from?.id]));
    connection.pause();
    void client.send('held');
    await other.send('through');
    await until(() => got.length === 1);
    expect(got).to.deep.equal([['through', other.id]]);
    connection.resume();
    await until(() => got.length === 2);
  });

  it('may happen from a listener, message by message', async () => {
    const { server, client, connection } = await bus().pair();
    const got: unknown[] = [];
    server.on('message', (message) => {
      got.push(message);
      connection.pause();
    });
    for (let i = 0; i < 20; i++) void client.send(i);
    for (let i = 0; i < 20; i++) {
      await until(() => got.length === i + 1);
      await turn();
      expect(got).to.have.length(i + 1);
      connection.resume();
    }
    expect(got).to.deep.equal(Array.from({ length: 20 }, (_, at) => at));
  });

  it('does not keep close from ending', async () => {
    const { server, client, connection } = await bus().pair({}, { closeTimeoutMs: 100 });
    const got: unknown[] = [];
    server.on('message', (message) => got.push(message));
    connection.pause();
    void client.send('held');
    const elapsedMs = stopwatch();
    expect(await client.close()).to.equal(true);
    expect(elapsedMs()).to.be.below(1_000);
    if (dialect.tier === 'session') expect(got).to.deep.equal([]);
  });

  it('of one who closes cannot be ended: what comes later is not heard, and what it asked is answered', async () => {
    for (const closer of ['client', 'connection'] as const) {
      const pair = await bus().pair();
      const [end, other] = closer === 'client' ? [pair.client, pair.connection] : [pair.connection, pair.client];
      const got: unknown[] = [];
      pair.client.on('message', (message) => got.push(message));
      pair.server.on('message', (message) => got.push(message));
      let answer = (): void => {};
      const asked = new Promise<void>((resolve) => {
        (closer === 'client' ? pair.server : pair.client).handle(async () => {
          resolve();
          await new Promise<void>((open) => {
            answer = open;
          });
          return 'answer';
        });
      });
      const answered = end.request('are you there?');
      await asked;
      end.pause();
      const closed = end.close();
      await other.send('late').catch(() => {});
      await sleep(10);
      end.resume();
      await sleep(10);
      answer();
      expect(await answered).to.equal('answer');
      expect(await closed).to.equal(true);
      expect(got).to.deep.equal([]);
      await pair.server.close();
    }
  });

  it('keeps two ends that close at the same time from nothing', async () => {
    if (dialect.tier !== 'session') return;
    for (const paused of ['client', 'connection', 'both'] as const) {
      const { server, client, connection } = await bus().pair();
      const got: unknown[] = [];
      client.on('message', (message) => got.push(message));
      server.on('message', (message) => got.push(message));
      if (paused !== 'connection') client.pause();
      if (paused !== 'client') connection.pause();
      void client.send('up');
      void connection.send('down');
      const elapsedMs = stopwatch();
      expect(await Promise.all([client.close(), connection.close()])).to.deep.equal([true, true]);
      expect(elapsedMs()).to.be.below(4_000);
      expect(got.sort()).to.deep.equal(['down', 'up']);
      await server.close();
    }
  });
});
