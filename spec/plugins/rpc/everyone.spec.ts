import { expect } from 'chai';
import { it } from 'mocha';
import type { Client, Connection, Server } from '../../../lib/index.ts';
import { callOptions, everyone, remote } from '../../../lib/plugins/rpc/index.ts';
import { contract, native, next, rejected, until } from '../../support/buses.ts';

interface Player {
  hear(text: string): void;
  score(bonus: number): number;
  counter(): Promise<() => Promise<number>>;
  fail(): void;
  wait(): Promise<never>;
}

class Phone {
  readonly heard: string[] = [];
  readonly #number: number;
  aborted = 0;

  constructor(client: Client, number: number) {
    this.#number = number;
    remote(
      client,
      {
        hear: (text: string) => void this.heard.push(text),
        score: (bonus: number) => number * 10 + bonus,
        counter: () => async () => number,
        fail: () => {
          throw Object.assign(new Error('no such thing'), { code: 'NO_SUCH_THING' });
        },
        wait: (context: { signal: AbortSignal }) =>
          new Promise(() => context.signal?.addEventListener('abort', () => (this.aborted += 1))),
      },
      { context: true },
    );
  }

  get number(): number {
    return this.#number;
  }
}

contract(
  'everyone',
  (bus) => {
    async function meeting(count: number): Promise<{ server: Server; phones: Phone[]; connections: Connection[] }> {
      const server = await bus().server({ surveyGraceMs: 50 });
      const phones: Phone[] = [];
      for (let number = 1; number <= count; number += 1) {
        const connected = next(server, 'connect');
        phones.push(new Phone(await bus().client(), number));
        await connected;
      }
      return { server, phones, connections: server.connections };
    }

    it('notify - is heard by all, in order, and by those meant alone, as they are by then', async () => {
      const { server, phones, connections } = await meeting(3);
      const all = everyone<Player>(server);
      const red = everyone<Player>(server, { to: 'red' });
      const others = everyone<Player>(server, { except: ['red', connections[2] as Connection] });
      await red.$notify.hear('nobody yet');
      connections[0]?.join('red');
      await all.$notify.hear('one');
      await red.$notify.hear('red');
      await others.$notify.hear('second alone');
      connections[1]?.join('red');
      await red.$notify.hear('both');
      await all.$notify.hear('end');
      await until(() => phones.every(({ heard }) => heard.at(-1) === 'end'));
      expect(phones.map(({ heard }) => heard)).to.deep.equal([
        ['one', 'red', 'both', 'end'],
        ['one', 'second alone', 'both', 'end'],
        ['one', 'end'],
      ]);
    });

    it('survey - resolves the answers of all in their order, with the peer of each', async () => {
      const { server, connections } = await meeting(3);
      const [first, , third] = connections;
      const answers = await everyone<Player, Connection>(server).$survey.score(5);
      expect(answers).to.deep.equal(
        connections.map((peer, at) => ({ peer, status: 'fulfilled', value: (at + 1) * 10 + 5 })),
      );
      const some = everyone<Player, Connection>(server, { to: [third as Connection, first as Connection] });
      expect((await some.$survey.score(0)).map(({ peer }) => peer)).to.deep.equal([third, first]);
      expect(await everyone<Player>(server, { to: 'no group' }).$survey.score(0)).to.deep.equal([]);
    });

    it('survey - has an error for each that fails, and functions in the answers of the others', async () => {
      const { server } = await meeting(2);
      const silent = await bus().client();
      const all = everyone<Player>(server);
      const failed = await all.$survey.fail();
      const codes = failed.map((answer) => (answer.status === 'rejected' ? answer.reason.code : 'none'));
      expect(codes).to.deep.equal(['NO_SUCH_THING', 'NO_SUCH_THING', 'ERR_PEER_LACKS_FEATURE']);
      await silent.close();
      await until(() => server.connections.length === 2);
      const counters = await all.$survey.counter();
      const numbers = counters.map(async (answer) => (answer.status === 'fulfilled' ? answer.value() : undefined));
      expect(await Promise.all(numbers)).to.deep.equal([1, 2]);
    });

    it('survey - gives up by its timeout and its signal, of which the methods hear', async () => {
      const { server, phones } = await meeting(2);
      const all = everyone<Player>(server);
      const late = await all.$survey.wait(callOptions({ timeout: 300 }));
      expect(late.map((answer) => answer.status === 'rejected' && answer.reason.code)).to.deep.equal([
        'ERR_TIMEOUT',
        'ERR_TIMEOUT',
      ]);
      await until(() => phones.every(({ aborted }) => aborted === 1));
      const signal = AbortSignal.timeout(300);
      const aborted = await all.$survey.wait(callOptions({ signal }));
      expect(aborted.map((answer) => answer.status === 'rejected' && answer.reason.code)).to.deep.equal([
        'ERR_ABORTED',
        'ERR_ABORTED',
      ]);
    });

    it('data - is all it takes, and streams given to it end', async () => {
      const { server } = await meeting(1);
      const all = everyone<{ take(value: unknown): void }>(server);
      const ended: string[] = [];
      const stream = (name: string): AsyncIterable<number> => ({
        [Symbol.asyncIterator]: () => ({
          next: async () => ({ done: false as const, value: 1 }),
          return: async () => {
            ended.push(name);
            return { done: true as const, value: undefined };
          },
        }),
      });
      expect((await rejected(all.$notify.take(() => 1))).code).to.equal('ERR_UNENCODABLE');
      expect((await rejected(all.$notify.take({ of: stream('notify') }))).code).to.equal('ERR_UNENCODABLE');
      expect((await rejected(all.$survey.take([stream('survey')]))).code).to.equal('ERR_UNENCODABLE');
      await until(() => ended.length === 2);
      expect(ended).to.deep.equal(['notify', 'survey']);
      const again = callOptions({ idempotent: true });
      expect((await rejected(all.$survey.take(1, again))).code).to.equal('ERR_INVALID_ARGUMENT');
    });

    it('ends and audiences that are none - are refused', async () => {
      const { server, connections } = await meeting(1);
      const other = await bus().client();
      for (const end of [other, connections[0]]) {
        expect(() => everyone(end as never))
          .to.throw()
          .with.property('code', 'ERR_INVALID_ARGUMENT');
      }
      for (const to of [other, [{}], '', 5]) {
        expect(() => everyone(server, { to: to as never }))
          .to.throw()
          .with.property('code')
          .that.is.oneOf(['ERR_INVALID_ARGUMENT', 'ERR_INVALID_OPTION']);
      }
      const gone = connections[0] as Connection;
      gone.destroy();
      await until(() => !server.connections.includes(gone));
      expect(await everyone<Player>(server, { to: gone }).$survey.score(0)).to.deep.equal([]);
      bus().takeErrors();
    });
  },
  { on: ['memory', 'unix'], speaking: [native] },
);
