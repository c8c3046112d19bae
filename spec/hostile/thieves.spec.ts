import { expect } from 'chai';
import { it } from 'mocha';
import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { Client } from '../../lib/index.ts';
import { type Bus, contract, eager, json, native, rejected, sleep, until } from '../support/buses.ts';
import { frame, hello, offer, packet, Stranger } from '../support/stranger.ts';
import { stopwatch } from '../support/stopwatch.ts';

const where = (bus: Bus) => (bus.kind === 'unix' ? { path: bus.path } : { port: bus.port });
const on = ['unix', 'tcp'] as const;

contract(
  'thieves',
  (bus) => {
    it('get nothing to a handler before they are authorised, however they pipeline it', async () => {
      const handled: unknown[] = [];
      const server = await bus().server({ authorize: () => sleep(5).then(() => false) });
      for (const event of ['connect', 'message', 'request', 'disconnect'] as const) {
        server.on(event, (...args: unknown[]) => void handled.push([event, ...args]));
      }
      const strangers = await Promise.all(
        Array.from({ length: 100 }, async (_, at) => {
          const stranger = await Stranger.at(where(bus()));
          const early =
            at % 2 === 0
              ? [hello({ extras: at }), packet({ t: 1, d: 'early' }), packet({ t: 2, d: 'early', n: 'x' })]
              : [hello({ extras: at, busbar: offer }), frame(1, 2, 0, 0, '\x01'), frame(2, 2, 0, 1, '\x01')];
          stranger.send(Buffer.concat(early));
          return stranger;
        }),
      );
      await Promise.all(strangers.map(({ closed }) => closed));
      expect(handled).to.deep.equal([]);
      expect(server.connections).to.deep.equal([]);
    });

    it('cannot claim an id, or resume a session whose token they do not have', async () => {
      const { server, client, connection } = await bus().pair();
      const { id } = connection;
      const outcomes: string[] = [];
      connection.on('session', ({ outcome }) => outcomes.push(outcome));
      const strangers = await Promise.all(
        Array.from({ length: 100 }, async (_, at) => {
          const stranger = await Stranger.at(where(bus()));
          const token = at % 3 === 0 ? 'A'.repeat(22) : Buffer.from(`${at}`.padStart(16, 'x')).toString('base64url');
          const resume = { token, received: 0 };
          stranger.send(hello(at % 2 === 0 ? { id } : { id, busbar: { ...offer, resume } }));
          await until(() => stranger.text.includes('"id":"'), 'an answer');
          expect(stranger.text).to.not.include(id);
          return stranger;
        }),
      );
      expect(server.connection(id)).to.equal(connection);
      const got: unknown[] = [];
      client.on('message', (message) => got.push(message));
      for (let at = 0; at < 10; at++) await server.broadcast(at);
      await connection.send('for you alone');
      await until(() => got.length === 11);
      expect(got.slice(0, 10)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(outcomes).to.deep.equal([]);
      for (const { socket } of strangers) socket.destroy();
    });

    it('cannot answer what others were asked, however often they try', async () => {
      const { client, connection } = await bus().pair();
      let release: (answer: string) => void = () => {};
      client.handle(() => new Promise((resolve) => (release = resolve)));
      const speakers = [
        { first: hello(), forge: (at: number) => packet({ t: 3, d: 'forged', n: at.toString(36) }) },
        {
          first: hello({ busbar: offer }),
          forge: (at: number) => frame(3, 2, 0, at, Buffer.from('a6666f72676564', 'hex')),
        },
      ];
      for (const { first, forge } of speakers) {
        const stranger = await Stranger.at(where(bus()));
        const answer = connection.request('who are you?', 5_000);
        stranger.send(Buffer.concat([first, ...Array.from({ length: 5_000 }, (_, at) => forge(at))]));
        await until(() => stranger.text.includes('"id":"'), 'an answer');
        const theirs = bus().servers[0]?.connections.find((other) => other !== connection);
        await until(() => (theirs?.lateResponses ?? 0) === 5_000, 'all to be discarded');
        release('it is me');
        expect(await answer).to.equal('it is me');
        stranger.socket.destroy();
      }
    });

    it('cannot foresee how others will be asked', async () => {
      const { client, connection } = await bus().pair();
      client.handle((question) => ['it is me', question]);
      const stranger = await Stranger.at(where(bus()));
      stranger.send(hello());
      await until(() => stranger.text.includes('"id":"'), 'an answer');
      for (let at = 1; at <= 100; at++) {
        // The next few as they would be counted.
        const next = Array.from({ length: 5 }, (_, ahead) => (at + ahead).toString(36));
        stranger.send(Buffer.concat(next.map((n) => packet({ t: 3, d: 'forged', n }))));
        expect(await connection.request(at)).to.deep.equal(['it is me', at]);
      }
      stranger.socket.destroy();
    });

    it('are many and silent, and an honest client still gets in within a second', async () => {
      const server = await bus().server({ handshakeTimeoutMs: 1_000 });
      const strangers = await Promise.all(
        Array.from({ length: 300 }, async (_, at) => {
          const stranger = await Stranger.at(where(bus()));
          if (at % 2 === 0) stranger.send(hello().subarray(0, at % 30));
          return stranger;
        }),
      );
      const elapsedMs = stopwatch();
      const client = await bus().client();
      expect(elapsedMs()).to.be.below(1_000);
      expect(await client.ping()).to.be.a('number');
      await Promise.all(strangers.map(({ closed }) => closed));
      expect(server.connections).to.have.length(1);
      for (const code of bus().takeErrors()) expect(code).to.be.oneOf(['ERR_TIMEOUT', 'ERR_PROTOCOL']);
    });
  },
  { on, speaking: [native, json] },
);

contract(
  'a stalled peer',
  (bus) => {
    it('holds up neither the others nor, beyond closeTimeoutMs, the server', async () => {
      const { server, client } = await bus().pair({ closeTimeoutMs: 200 });
      const stranger = await Stranger.at(where(bus()));
      stranger.socket.pause();
      stranger.send(hello({ busbar: offer }));
      await until(() => server.connections.length === 2);
      const stalled = server.connections.find(({ id }) => id !== client.id)!;
      for (let i = 0; i < 2_000; i++) void stalled.send('x'.repeat(2_000)).catch(() => {});
      client.handle(() => 'quick');
      const elapsedMs = stopwatch();
      expect(await server.connection(client.id!)!.request('x')).to.equal('quick');
      expect(await server.connection(client.id!)!.close()).to.equal(true);
      expect(elapsedMs()).to.be.below(100);
      const failure = rejected(stalled.request('x', 0));
      const before = performance.now();
      const closingMs = stopwatch();
      await server.close();
      expect(performance.now() - before).to.be.above(150);
      expect(closingMs()).to.be.below(1_000);
      expect((await failure).code).to.equal('ERR_CLOSED');
      stranger.socket.destroy();
    });
  },
  { on, speaking: [native] },
);

contract(
  'a frame spoiled on its way',
  (bus) => {
    it('is one error; the session resumes and loses nothing', async () => {
      const { server } = await bus().pair();
      let spoil = false;
      const sockets = new Set<Socket>();
      const proxy = createServer((near) => {
        const far = connect(bus().port);
        for (const socket of [near, far]) {
          sockets.add(socket);
          socket.on('error', () => {});
        }
        near.on('data', (bytes) => {
          far.write(spoil ? Buffer.alloc(bytes.length) : bytes);
          spoil = false;
        });
        far.on('data', (bytes) => near.write(bytes));
        near.on('close', () => far.destroy());
        far.on('close', () => near.destroy());
      }).listen(0, '127.0.0.1');
      await once(proxy, 'listening');
      const address = proxy.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const client = new Client({ port, random: eager });
      try {
        const got: unknown[] = [];
        server.on('message', (message) => got.push(message));
        await client.connect();
        for (let i = 0; i < 100; i++) {
          if (i === 50) spoil = true;
          void client.send(i);
          if (i % 10 === 0) await sleep(1);
        }
        await until(() => got.length === 100);
        expect(got).to.deep.equal(Array.from({ length: 100 }, (_, at) => at));
        expect(bus().takeErrors()).to.deep.equal(['ERR_PROTOCOL']);
      } finally {
        await client.close();
        proxy.close();
        for (const socket of sockets) socket.destroy();
      }
    });
  },
  { on: ['tcp'], speaking: [native] },
);
