import { expect } from 'chai';
import { it } from 'mocha';
import { BusError, Client, Server } from '../../lib/index.ts';
import { MemoryFaults, MemoryNetwork, VirtualClock } from '../../lib/testing/index.ts';
import { contract, eager, json, native, next, rejected, until } from '../support/buses.ts';

const soon = { maxRetryTime: 100 };

contract(
  'a payload that is asked for',
  (bus, dialect) => {
    it('is asked for before each opening: the first, a lost link, another session, each attempt', async () => {
      const shown: unknown[] = [];
      let given = 0;
      const server = await bus().server({
        authorize: (payload) => {
          shown.push(payload);
          if (given === 1) throw new BusError('ERR_UNAVAILABLE');
          return true;
        },
      });
      const client = bus().newClient(soon);
      await client.connect(async () => ({ token: ++given }));
      expect(given, 'asked for the first link').to.equal(2);
      const back = next(client, 'session');
      bus().cut(server.connections[0]!);
      await back;
      expect(given, 'asked for the next link').to.be.at.least(3);
      const again = next(client, 'ready');
      server.connections[0]!.destroy();
      await again;
      // A link that resumes proves its session, and nobody looks at the payload then.
      const expected = dialect.tier === 'session' ? [1, 2, given] : Array.from({ length: given }, (_, at) => at + 1);
      expect(shown.at(-1)).to.deep.equal({ token: given });
      expect(shown).to.deep.equal(expected.map((token) => ({ token })));
      bus().takeErrors();
    });

    it('comes from a plain function just as well, and undefined is a payload', async () => {
      const server = await bus().server();
      const payloads: unknown[] = [];
      server.on('connect', (_connection, payload) => void payloads.push(payload));
      for (const payload of ['text', 7, { a: [1] }])
        await bus()
          .newClient()
          .connect(() => payload);
      await bus()
        .newClient()
        .connect(() => undefined);
      await until(() => payloads.length === 4);
      expect(payloads).to.deep.equal(['text', 7, { a: [1] }, undefined]);
    });

    it('that cannot be had fails the attempt: connect() tries `retries` times more, then rejects with what it was', async () => {
      await bus().server();
      const cause = new TypeError('no store');
      for (const fails of [
        () => {
          throw cause;
        },
        () => Promise.reject(cause),
      ]) {
        let asked = 0;
        const error = await rejected(
          bus()
            .newClient({ ...soon, retries: 2 })
            .connect(() => {
              asked += 1;
              return fails();
            }),
        );
        expect([error.code, error.cause, asked]).to.deep.equal(['ERR_LISTENER', cause, 3]);
      }
      bus().takeErrors();
    });

    it('that cannot be had when the link is lost is asked for again', async () => {
      const server = await bus().server();
      const client = bus().newClient(soon);
      let asked = 0;
      await client.connect(() => {
        asked += 1;
        if (asked === 2 || asked === 3) throw new Error('the store is away');
        return asked;
      });
      const back = next(client, 'session');
      bus().cut(server.connections[0]!);
      await back;
      expect(asked).to.equal(4);
      const failed = bus().errors.filter(({ code }) => code === 'ERR_LISTENER');
      expect(failed.map(({ cause }) => (cause as Error).message)).to.deep.equal(Array(2).fill('the store is away'));
      bus().takeErrors();
    });

    it('that fails with ERR_UNAUTHORIZED is not asked for again: the client is over', async () => {
      const server = await bus().server();
      const client = bus().newClient(soon);
      let asked = 0;
      await client.connect(() => {
        asked += 1;
        if (asked > 1) throw new BusError('ERR_UNAUTHORIZED', 'signed out');
      });
      const closed = next(client, 'close');
      bus().cut(server.connections[0]!);
      await closed;
      expect([client.status, asked]).to.deep.equal([0, 2]);
      expect(bus().takeErrors()).to.include('ERR_UNAUTHORIZED');
    });

    it('that does not come is waited for as long as an opening may take, and no longer than connect()', async () => {
      const clock = new VirtualClock();
      const network = new MemoryNetwork({ faults: new MemoryFaults({ random: eager }) });
      const common = { url: 'memory:payload', network, clock, random: eager };
      const server = await new Server(common).start();
      const never = (): Promise<never> => new Promise(() => {});
      const client = new Client({ ...common, ...dialect.client, retries: 0, handshakeTimeoutMs: 1_000 });
      const late = rejected(client.connect(never));
      await clock.run(1_001);
      expect((await late).code).to.equal('ERR_TIMEOUT');
      const short = rejected(client.connect(never, { timeout: 50 }));
      await clock.run(60);
      expect((await short).code).to.equal('ERR_TIMEOUT');
      const controller = new AbortController();
      const aborted = rejected(client.connect(never, { signal: controller.signal }));
      await clock.run(10);
      controller.abort();
      expect((await aborted).code).to.equal('ERR_ABORTED');
      const destroyed = rejected(client.connect(never));
      await clock.run(10);
      client.destroy();
      expect((await destroyed).code).to.equal('ERR_DESTROYED');
      const closing = server.close();
      await clock.run(2_000);
      await closing;
      expect(clock.pending).to.equal(0);
    });
  },
  { on: ['memory', 'unix'], speaking: [native, json] },
);
