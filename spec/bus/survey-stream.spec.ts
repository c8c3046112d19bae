import { once } from 'node:events';
import { expect } from 'chai';
import { it } from 'mocha';
import type { Client } from '../../lib/index.ts';
import { contract, native, sleep, until } from '../support/buses.ts';

contract(
  'survey as a stream',
  (bus) => {
    it('yields the answers as they come and cancels the losers of a quorum', async () => {
      const server = await bus().server();
      const clients: Client[] = [];
      const cancelled: number[] = [];
      for (let i = 0; i < 4; i++) {
        const client = await bus().client();
        client.handle(async (_request, { signal }) => {
          if (i < 2) await sleep(20 - i * 15);
          else await once(signal, 'abort').then(() => cancelled.push(i));
          return i;
        });
        clients.push(client);
      }
      const values: unknown[] = [];
      for await (const answer of server.surveyStream('who?', { quorum: 2 })) {
        expect(server.connections).to.include(answer.peer);
        values.push(answer.status === 'fulfilled' ? answer.value : answer.reason.code);
      }
      expect(values).to.deep.equal([1, 0]);
      await until(() => cancelled.length === 2);
      expect(cancelled).to.deep.equal([2, 3]);
      for (const client of clients) client.destroy();
    });

    it('ends with the first answer when asked so, and when its loop is left', async () => {
      const server = await bus().server();
      for (let i = 0; i < 3; i++) (await bus().client()).handle(() => i);
      const first = [];
      for await (const answer of server.surveyStream('x', { first: true })) first.push(answer.status);
      expect(first).to.deep.equal(['fulfilled']);
      for await (const _answer of server.surveyStream('x')) break;
    });

    it('reports a member that leaves at once, and one whose link is gone after the grace', async () => {
      const server = await bus().server({ surveyGraceMs: 500 });
      const [leaver, sleeper] = [await bus().client(), await bus().client({ reconnect: false })];
      for (const client of [leaver, sleeper]) client.handle(() => new Promise(() => {}));
      const started = performance.now();
      const outcomes: Record<string, [string, number]> = {};
      const [left, lost] = [leaver.id ?? '', sleeper.id ?? ''];
      setTimeout(() => leaver.destroy(), 10);
      setTimeout(() => bus().cut(server.connection(lost)!), 20);
      for await (const { peer, status, ...rest } of server.surveyStream('x', { timeout: 5_000 })) {
        const reason = 'reason' in rest ? rest.reason.code : status;
        outcomes[peer.id] = [reason, performance.now() - started];
      }
      expect(outcomes[left]?.[0]).to.equal('ERR_CLOSED');
      expect(outcomes[left]?.[1]).to.be.lessThan(500);
      expect(outcomes[lost]?.[0]).to.equal('ERR_CLOSED');
      expect(outcomes[lost]?.[1]).to.be.within(510, 4_000);
    });

    it('refuses settings it does not know and quorums that no answer makes', async () => {
      const server = await bus().server();
      for (const settings of [{ timout: 5 }, { quorum: 0 }, { quorum: 1.5 }, { quorum: '2' }, 5, null]) {
        expect(() => server.surveyStream('x', settings as never))
          .to.throw()
          .with.property('code', 'ERR_INVALID_ARGUMENT');
      }
      for await (const _answer of server.surveyStream('x', { quorum: Infinity })) throw new Error('nobody is there');
    });

    it('freezes its members at the start', async () => {
      const server = await bus().server();
      (await bus().client()).handle(async () => sleep(30));
      const stream = server.surveyStream('x');
      (await bus().client()).handle(() => 'too late');
      let answers = 0;
      for await (const _answer of stream) answers++;
      expect(answers).to.equal(1);
    });

    it('is an array of settled outcomes as survey(), whatever the members do', async () => {
      const server = await bus().server();
      (await bus().client()).handle(() => 'yes');
      (await bus().client()).handle(() => {
        throw new Error('no');
      });
      await bus().client();
      const results = await server.survey('?', 1_000);
      expect(
        results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.code)),
      ).to.deep.equal(['yes', 'ERR_REMOTE', 'ERR_NO_HANDLER']);
      expect(
        await (
          await bus()
            .server()
            .catch(() => server)
        ).survey('?'),
      ).to.have.length(3);
      // What a handler throws without a code is told at its own end.
      expect(bus().takeErrors()).to.deep.equal(['ERR_LISTENER', 'ERR_LISTENER']);
    });
  },
  { on: ['unix'], speaking: [native] },
);
