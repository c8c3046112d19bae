import { channel } from 'node:diagnostics_channel';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { Client, Server } from '../../lib/index.ts';
import { MemoryNetwork } from '../../lib/testing/index.ts';

describe('diagnostics channels', () => {
  const stops: (() => void)[] = [];
  const published: [name: string, about: unknown][] = [];

  function subscribe(name: string): void {
    const hear = (about: unknown): void => void published.push([name, about]);
    channel(name).subscribe(hear);
    stops.push(() => channel(name).unsubscribe(hear));
  }

  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
    published.length = 0;
  });

  it('busbar:session, busbar:undelivered - are told at both ends, and nothing once nobody subscribes', async () => {
    subscribe('busbar:session');
    subscribe('busbar:undelivered');
    const network = new MemoryNetwork();
    const server = await new Server({ url: 'memory:channels', network }).start();
    const client = new Client({ url: 'memory:channels', network });
    await client.connect();
    const [connection] = server.connections;
    client.pause();
    await connection?.send('never heard');
    client.destroy();
    await new Promise<void>((resolve) => {
      if (server.connections.length === 0) resolve();
      else server.once('disconnect', () => resolve());
    });
    expect(published).to.deep.include(['busbar:session', { peer: client, outcome: 'fresh' }]);
    expect(published).to.deep.include(['busbar:session', { peer: connection, outcome: 'fresh' }]);
    expect(published).to.deep.include(['busbar:undelivered', { peer: connection, count: 1 }]);
    expect(server.stats().undelivered).to.equal(1);
    for (const stop of stops.splice(0)) stop();
    const heard = published.length;
    await client.connect();
    await client.close();
    expect(published.length).to.equal(heard);
    await server.close();
  });

  it('busbar:slow - says which peer reads nothing', async () => {
    subscribe('busbar:slow');
    const network = new MemoryNetwork();
    const server = await new Server({
      url: 'memory:slow',
      network,
      slowConsumerMs: 20,
      maxUnackedBytes: 65_536,
    }).start();
    const client = new Client({ url: 'memory:slow', network });
    await client.connect();
    const [connection] = server.connections;
    const slow = new Promise<void>((resolve) => server.once('slow', () => resolve()));
    client.connection?.pause();
    const sends = Array.from({ length: 64 }, () => connection!.send('x'.repeat(8_192)));
    await slow;
    expect(published).to.deep.equal([['busbar:slow', { peer: connection }]]);
    expect(server.stats().slow).to.equal(1);
    client.connection?.resume();
    await Promise.all(sends);
    await client.close();
    await server.close();
  });

  it('busbar:refused - says the code, at the server without a peer', async () => {
    subscribe('busbar:refused');
    const network = new MemoryNetwork();
    const server = await new Server({ url: 'memory:refuses', network, authorize: () => false }).start();
    const client = new Client({ url: 'memory:refuses', network });
    await client.connect().catch(() => {});
    expect(published.map(([, about]) => (about as { code: string }).code)).to.deep.equal([
      'ERR_UNAUTHORIZED',
      'ERR_UNAUTHORIZED',
    ]);
    expect(published.map(([, about]) => (about as { peer: unknown }).peer)).to.deep.equal([undefined, client]);
    await server.close();
  });
});
