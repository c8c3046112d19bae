import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, Server } from '../../lib/index.ts';
import { MemoryFaults, MemoryNetwork, VirtualClock } from '../../lib/testing/index.ts';
import { eager } from '../support/buses.ts';

type Row = { readonly status: string };

/** Each way to ask all, and what it yields. */
const verbs: readonly [string, (server: Server) => Promise<Row[]>][] = [
  ['survey', (server) => server.survey('?', 0)],
  ['ping', (server) => server.ping('?', 0)],
  [
    'surveyStream',
    async (server) => {
      const rows: Row[] = [];
      for await (const answer of server.surveyStream('?', { timeout: 0 })) rows.push(answer);
      return rows;
    },
  ],
];

for (const [verb, ask] of verbs) {
  describe(`grace of a member in ${verb}`, () => {
    const clock = new VirtualClock();
    let refuse: boolean;
    let server: Server;
    let clients: Client[];
    let asked: number[];
    let faults: MemoryFaults;

    beforeEach(async () => {
      refuse = false;
      faults = new MemoryFaults({ random: eager, plan: () => ({ refuse }) });
      const common = { url: 'memory:grace', clock, random: eager, network: new MemoryNetwork({ faults }) };
      server = await new Server({ ...common, surveyGraceMs: 1_000 }).start();
      asked = [];
      clients = [];
      for (const number of [0, 1]) {
        const client = new Client({ ...common, maxRetryTime: 100 });
        client.handle(() => asked.push(number));
        await during(client.connect());
        clients.push(client);
      }
      const [, absent] = faults.pairs;
      refuse = true;
      absent!.cut();
      await clock.run(1);
      expect(server.connections.map(({ attached }) => attached)).to.deep.equal([true, false]);
    });

    afterEach(async () => {
      for (const client of clients) client.destroy();
      await during(server.close());
    });

    async function during<T>(promise: Promise<T>): Promise<T> {
      let settled = false;
      const done = (): void => void (settled = true);
      promise.then(done, done);
      for (let ms = 0; !settled && ms < 60_000; ms++) await clock.run(1);
      return promise;
    }

    /** The outcomes, and how long they took. */
    async function outcome(): Promise<[string[], number]> {
      const before = clock.now();
      const rows = await during(ask(server));
      return [rows.map(({ status }) => status), clock.now() - before];
    }

    it('counts from the break of its link', async () => {
      await clock.run(700);
      const [rows, ms] = await outcome();
      expect(rows).to.deep.equal(['fulfilled', 'rejected']);
      expect(ms).to.be.within(295, 305);
    });

    it('is over for one that has been away for longer, which is not asked', async () => {
      await clock.run(1_000);
      for (let round = 0; round < 3; round++) {
        const [rows, ms] = await outcome();
        expect([...rows].sort()).to.deep.equal(['fulfilled', 'rejected']);
        expect(ms).to.be.below(5);
      }
      asked.length = 0;
      refuse = false;
      await clock.run(500);
      expect(server.connections.every(({ attached }) => attached)).to.equal(true);
      expect(asked).to.deep.equal([]);
    });

    it('begins anew with each break', async () => {
      await clock.run(900);
      refuse = false;
      await clock.run(500);
      expect((await outcome())[0]).to.deep.equal(['fulfilled', 'fulfilled']);
      refuse = true;
      const absent = [...faults.pairs].at(-1)!;
      absent.cut();
      const [rows, ms] = await outcome();
      expect(rows).to.deep.equal(['fulfilled', 'rejected']);
      expect(ms).to.be.within(995, 1_005);
    });
  });
}
