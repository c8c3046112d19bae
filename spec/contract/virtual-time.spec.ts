import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type BusError, definePlugin, type PluginHost } from '../../lib/index.ts';
import { World } from '../support/virtual-world.ts';

const dialects = [
  { name: 'native', options: {} },
  { name: 'net-ipc JSON', options: { native: false } },
];

for (const { name, options } of dialects) {
  describe(`virtual time, ${name}`, () => {
    it('netLag counts once per direction, at the sending end', async () => {
      const world = new World();
      const server = world.server({ url: 'memory:world?netLag=30' });
      await server.start();
      const client = world.client({ ...options, url: 'memory:world?netLag=50' });
      await world.during(client.connect());
      const connection = server.connections[0]!;
      const times: number[] = [];
      server.on('message', () => void times.push(world.clock.now()));
      client.on('message', () => void times.push(world.clock.now()));
      await world.clock.run(200);
      const start = world.clock.now();
      void client.send('up');
      await world.clock.run(49);
      expect(times).to.deep.equal([]);
      await world.clock.run(1);
      expect(times).to.deep.equal([start + 50]);
      await world.clock.run(200);
      const second = world.clock.now();
      void connection.send('down');
      await world.clock.run(100);
      expect(times[1]).to.equal(second + 30);
      await world.clock.run(200);
      expect(await world.during(client.ping(), 1)).to.equal(80);
      await world.end(client, server);
    });

    it('idle ends are heard of and stay connected for an hour', async () => {
      const world = new World();
      const server = await world.server().start();
      const client = world.client(options);
      const events: string[] = [];
      for (const event of ['error', 'disconnect'] as const) server.on(event, () => void events.push(event));
      for (const event of ['error', 'close', 'status'] as const) {
        client.on(event, (...args: unknown[]) => void events.push(`${event} ${String(args[0])}`));
      }
      await world.during(client.connect());
      await world.clock.run(3_600_000);
      expect(events).to.deep.equal(['status 1', 'status 2', 'status 3']);
      expect(client.lateResponses).to.equal(0);
      await world.end(client, server);
    });

    it('a peer that falls silent is given up within twice the heartbeat, by both ends', async () => {
      const world = new World();
      const server = await world.server({ sessionGraceMs: 0 }).start();
      const client = world.client({ ...options, reconnect: false });
      const times: number[] = [];
      server.on('disconnect', () => void times.push(world.clock.now()));
      client.on('close', () => void times.push(world.clock.now()));
      await world.during(client.connect());
      const start = world.clock.now();
      for (const pair of world.faults.pairs) pair.blackHole();
      await world.clock.run(30_100);
      expect(times).to.have.length(2);
      for (const time of times) expect(time - start).to.be.within(15_000, 30_100);
      await world.end(client, server);
    });

    it('a client comes back after any outage', async () => {
      const world = new World();
      const server = await world.server().start();
      const client = world.client(options);
      await world.during(client.connect());
      for (const outageMs of [1_000, 3_000, 10_000, 60_000, 3_600_000]) {
        const closed = server.close(true);
        await world.during(closed);
        await world.clock.run(outageMs);
        expect(client.status).to.not.equal(0);
        await server.start();
        await world.clock.run(11_000);
        expect(client.status).to.equal(3);
      }
      await world.end(client, server);
    });

    it('requests and surveys take 10 s at the most unless told otherwise', async () => {
      const world = new World();
      const server = await world.server().start();
      const client = world.client(options);
      await world.during(client.connect());
      server.on('request', () => {});
      client.on('request', () => {});
      const start = world.clock.now();
      const codes: unknown[] = [];
      client.request('x').catch((error: { code: string }) => codes.push([error.code, world.clock.now() - start]));
      void server.survey('x').then(([result]) => {
        codes.push([result?.status === 'rejected' && result.reason.code, world.clock.now() - start]);
      });
      await world.clock.run(9_999);
      expect(codes).to.deep.equal([]);
      await world.clock.run(2);
      expect(codes).to.deep.equal([
        ['ERR_TIMEOUT', 10_000],
        ['ERR_TIMEOUT', 10_000],
      ]);
      client.destroy();
      await world.end(server);
    });
  });
}

describe('a request that a pause held back, in virtual time', () => {
  it('deadline - counts from its arrival, whatever came after it', async () => {
    const world = new World();
    const server = await world.server().start();
    const client = world.client();
    client.handle(() => 'here');
    await world.during(client.connect());
    const deadlines: unknown[] = [];
    server.handle((_request, { deadline }) => void deadlines.push(deadline));
    server.pause();
    const asked = client.request('x', 3_000);
    await world.clock.run(1_000);
    await world.during(server.connections[0]!.request('y'));
    await world.clock.run(100);
    server.resume();
    await world.during(asked);
    expect(deadlines[0]).to.be.within(1_850, 1_900);
    await world.end(client, server);
  });
});

describe('acknowledgements in virtual time', () => {
  it('flush - asks for them instead of waiting until they are due', async () => {
    const world = new World();
    const { server, client } = await world.pair();
    void client.send('x');
    const start = world.clock.now();
    await world.during(client.flush(), 1);
    expect(world.clock.now() - start).to.be.at.most(2);
    await world.end(client, server);
  });

  it('flush over a broken link - asks again on the next', async () => {
    const world = new World();
    const { server, client } = await world.pair();
    server.pause();
    void client.send('x');
    await world.clock.run(10);
    const flushed = client.flush();
    await world.clock.run(10);
    for (const pair of world.faults.pairs) pair.cut();
    server.resume();
    let resumedAt = 0;
    client.on('session', () => (resumedAt = world.clock.now()));
    await world.during(flushed, 1);
    expect(resumedAt).to.be.greaterThan(0);
    expect(world.clock.now() - resumedAt).to.be.at.most(5);
    await world.end(client, server);
  });

  it('flush - does not wait for large bodies that are sent after it', async () => {
    const world = new World();
    const { server, client } = await world.pair();
    let sending = true;
    let sent = 0;
    const loop = (async (): Promise<void> => {
      while (sending) {
        await client.send(Buffer.alloc(1 << 20));
        sent += 1;
        if (sent > 400) throw new Error('flush waits for what came after it');
      }
    })();
    void client.flush().then(() => (sending = false));
    await world.during(loop, 1);
    await world.end(client, server);
  });

  it('little room - a body many times as large does not wait until they are due', async () => {
    const world = new World();
    const { server, client } = await world.pair({ maxUnackedBytes: 66_000 });
    server.handle((data) => (data as Buffer).length);
    const start = world.clock.now();
    expect(await world.during(client.request(Buffer.alloc(4 << 20)), 1)).to.equal(4 << 20);
    expect(world.clock.now() - start).to.be.at.most(100);
    await world.end(client, server);
  });

  it('closing - takes closeTimeoutMs in all, plugins that never are ready and calls that never end included', async () => {
    for (const end of ['client', 'server'] as const) {
      const world = new World();
      const server = world.server({ closeTimeoutMs: 1_000 });
      const client = world.client({ closeTimeoutMs: 1_000, reconnect: false });
      const open = (host: PluginHost): { api: undefined } => {
        host.onClose(() => new Promise(() => {}));
        return { api: undefined };
      };
      const hanging = definePlugin({ name: 'hanging', server: open, client: open });
      if (end === 'client') client.use(hanging);
      else server.use(hanging);
      await server.start();
      await world.during(client.connect());
      server.on('request', () => {});
      const asked = client.request('never', 0).catch(({ code }: BusError) => code);
      await world.clock.run(10);
      const start = world.clock.now();
      await world.during<unknown>(end === 'client' ? client.close() : server.close(), 1);
      expect(world.clock.now() - start, end).to.be.within(900, 1_100);
      client.destroy();
      expect(await asked).to.be.a('string');
      await world.end(client, server);
    }
  });
});
