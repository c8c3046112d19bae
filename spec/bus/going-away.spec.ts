import { expect } from 'chai';
import { it } from 'mocha';
import { systemClock } from '../../lib/base/system-clock.ts';
import { type Client, definePlugin, type PluginHost, type Server } from '../../lib/index.ts';
import { contract, native, next, sleep } from '../support/buses.ts';
import { stopwatch } from '../support/stopwatch.ts';

/** A client that sends and asks without a pause; `stop` resolves how much it sent and was answered. */
function work(client: Client): { stop(): Promise<{ sent: number; answered: number }> } {
  let running = true;
  let sent = 0;
  let answered = 0;
  const sending = (async () => {
    while (running) {
      await client.send(sent++);
      if (sent % 20 === 0) await sleep(1);
    }
  })();
  const asking = (async () => {
    while (running) {
      expect(await client.request(answered)).to.equal(answered);
      answered++;
    }
  })();
  return {
    async stop() {
      running = false;
      await Promise.all([sending, asking]);
      await client.flush();
      return { sent, answered };
    },
  };
}

function serve(server: Server, taken: unknown[]): void {
  server.on('message', (message) => taken.push(message));
  server.handle(async (request) => {
    await sleep(2);
    return request;
  });
}

contract(
  'going away',
  (bus) => {
    it('moves busy clients to the next server with nothing lost, repeated, reordered or failed', async () => {
      const { server, client } = await bus().pair();
      const undelivered: unknown[] = [];
      client.on('undelivered', (messages) => undelivered.push(...messages));
      const taken: unknown[] = [];
      serve(server, taken);
      const worker = work(client);
      let current = server;
      for (let restart = 0; restart < 3; restart++) {
        await sleep(50);
        await current.close(true);
        const moved = next(client, 'ready');
        current = bus().newServer();
        serve(current, taken);
        await current.start();
        await moved;
      }
      const { sent, answered } = await worker.stop();
      expect(taken).to.deep.equal(Array.from({ length: sent }, (_, i) => i));
      expect(answered).to.be.greaterThan(0);
      expect(undelivered).to.deep.equal([]);
    });

    it('lets a request of the server be answered before it is gone', async () => {
      const { server, client, connection } = await bus().pair();
      client.handle(async (request) => {
        await sleep(50);
        return request;
      });
      const asked = connection.request('still here?');
      await sleep(10);
      await Promise.all([server.close(true), asked]);
      expect(await asked).to.equal('still here?');
    });

    it('has what a pause of either end holds back arrive first, and stays paused for the next session', async () => {
      const { server, client, connection } = await bus().pair({ closeTimeoutMs: 10_000 });
      const undelivered: unknown[] = [];
      client.on('undelivered', (messages) => undelivered.push(...messages));
      connection.on('undelivered', (messages) => undelivered.push(...messages));
      const up: unknown[] = [];
      const down: unknown[] = [];
      server.on('message', (message) => up.push(message));
      server.handle((request) => request);
      client.on('message', (message) => down.push(message));
      server.pause();
      client.pause();
      const asked = client.request('held');
      for (let i = 0; i < 100; i++) {
        void client.send(i);
        void connection.send(i);
      }
      await sleep(20);
      expect([up, down]).to.deep.equal([[], []]);
      const elapsedMs = stopwatch();
      await server.close(true);
      expect(elapsedMs()).to.be.lessThan(1_000);
      expect(await asked).to.equal('held');
      const all = Array.from({ length: 100 }, (_, i) => i);
      expect([up, down, undelivered]).to.deep.equal([all, all, []]);
      const moved = next(client, 'ready');
      const heir = await bus().newServer().start();
      await moved;
      await heir.broadcast('later');
      await sleep(20);
      expect(down).to.deep.equal(all);
      client.resume();
      await heir.connections[0]?.flush();
      expect(down.at(-1)).to.equal('later');
    });

    it('has clients that do not come back finish both ways, and end', async () => {
      const server = await bus().server({ closeTimeoutMs: 10_000 });
      const client = await bus().client({ reconnect: false });
      const [connection] = server.connections;
      const taken: unknown[] = [];
      serve(server, taken);
      client.on('message', (message) => taken.push(message));
      client.on('undelivered', (messages) => taken.push('undelivered', messages));
      connection?.on('undelivered', (messages) => taken.push('undelivered', messages));
      client.handle(() => sleep(50));
      const closed = next(client, 'close');
      const answers = Promise.all([client.request('up'), connection?.request('down')]);
      void client.send('up');
      void connection?.send('down');
      const elapsedMs = stopwatch();
      await server.close(true);
      expect(elapsedMs()).to.be.lessThan(1_000);
      expect(await answers).to.deep.equal(['up', undefined]);
      expect(await closed).to.deep.equal(['Server was shut down']);
      expect(taken).to.have.members(['up', 'down']);
      expect(client.status).to.equal(0);
    });

    it('does not wait longer than closeTimeoutMs for a client that never finishes', async () => {
      const { server, client } = await bus().pair({ closeTimeoutMs: 100 });
      server.handle(() => new Promise(() => {}));
      const asked = client.request('for ever', 0).catch(({ code }: { code: string }) => code);
      await sleep(10);
      const before = performance.now();
      const elapsedMs = stopwatch();
      await server.close(true);
      expect(performance.now() - before).to.be.above(90);
      expect(elapsedMs()).to.be.below(400);
      expect(await asked).to.equal('ERR_SESSION_LOST');
    });
  },
  { on: ['memory', 'unix'], speaking: [native] },
);

contract(
  'takeover',
  (bus) => {
    it('has the old server closed within 10 s, whatever its closeTimeoutMs, plugins and handlers take', async () => {
      const clock = {
        ...systemClock,
        now: () => systemClock.now() * 10,
        setTimer: (callback: () => void, ms: number, background?: boolean) =>
          systemClock.setTimer(callback, ms / 10, background),
      };
      const { server, client } = await bus().pair({ clock, closeTimeoutMs: 60_000, heartbeatIntervalMs: 0 });
      const slow = (host: PluginHost) => {
        host.onClose(() => new Promise(() => {}));
        return { api: undefined };
      };
      server.use(definePlugin({ name: 'slow', server: slow, client: slow }));
      server.handle(() => new Promise(() => {}));
      void client.request('for ever', 0).catch(() => {});
      await client.ping();
      const closed = next(server, 'close');
      const before = clock.now();
      const elapsedMs = stopwatch();
      await bus().newServer().start({ takeover: true });
      await closed;
      expect(clock.now() - before).to.be.above(8_500);
      expect(elapsedMs() * 10, 'ms of that clock').to.be.below(14_000);
    });

    it('replaces a live server on its path without a gap; the old one closes by itself', async () => {
      const { server, client } = await bus().pair();
      const taken: unknown[] = [];
      serve(server, taken);
      const worker = work(client);
      await sleep(30);
      const closed = next(server, 'close');
      const moved = next(client, 'ready');
      const heir = bus().newServer();
      serve(heir, taken);
      await heir.start({ takeover: true });
      const elapsedMs = stopwatch();
      await Promise.all([closed, moved]);
      expect(elapsedMs()).to.be.lessThan(2_000);
      await sleep(30);
      const { sent } = await worker.stop();
      expect(taken).to.deep.equal(Array.from({ length: sent }, (_, i) => i));
      expect(heir.connections).to.have.length(1);
    });
  },
  { on: ['unix'], speaking: [native] },
);
