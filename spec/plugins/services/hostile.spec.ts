import { expect } from 'chai';
import { it } from 'mocha';
import { type BusError, type Client, definePlugin, type Lane, type Server } from '../../../lib/index.ts';
import { services } from '../../../lib/plugins/services/index.ts';
import { contract, native, rejected, until } from '../../support/buses.ts';
import { Hive } from './hive.ts';

type Answer = readonly [ok: boolean, value: unknown, message?: string];

/** One end of the lane, with nothing behind it but what a spec says. */
function rawLane(answer: (data: readonly unknown[]) => unknown, heard: unknown[] = []) {
  const open = (host: { lane(handlers: object): Lane }): { api: Lane } => ({
    api: host.lane({
      message: (data: unknown) => void heard.push(data),
      request: (data: unknown) => answer(data as readonly unknown[]),
    }),
  });
  return definePlugin<Lane, Lane>({ name: 'services', server: open, client: open });
}

contract(
  'services, hostile ends',
  (bus) => {
    async function intruder(
      answer: (data: readonly unknown[]) => unknown = () => [true, null],
      heard: unknown[] = [],
    ): Promise<{ client: Client; ask: (...call: readonly unknown[]) => Promise<string> }> {
      const client = bus().newClient();
      const lane = client.use(rawLane(answer, heard));
      await client.connect();
      const ask = async (...call: readonly unknown[]): Promise<string> => {
        const reply = (await lane.request(client, call).catch(({ code }: BusError) => [false, code])) as Answer;
        return reply[0] ? 'ok' : String(reply[1]);
      };
      return { client, ask };
    }

    it('words - that are none are refused, and the hub goes on', async () => {
      const hive = await Hive.open(bus());
      const { ask } = await intruder();
      const wrong = [
        ['join'],
        ['join', 5, null, false, []],
        ['join', 'x'.repeat(257), null, false, []],
        ['join', 'one', null, 'yes', []],
        ['join', 'one', null, false, [['find', 'magic', 1]]],
        ['join', 'one', null, false, [['find', 'calls', -1]]],
        ['constructor'],
        ['__proto__', 1],
        ['toString'],
      ];
      for (const [word, ...args] of wrong)
        expect(await ask(0, word, null, ...args), String(word)).to.equal('ERR_PROTOCOL');
      for (const call of [[0], ['x', 'y', null], [1, 5, null], [7, 'x', null], [null, 3, null]]) {
        expect(await ask(...call)).to.be.oneOf(['ERR_PROTOCOL', 'ERR_NO_METHOD']);
      }
      expect(await ask(0, 'setMeta', null, 1)).to.equal('ERR_STATE');
      expect(
        await ask(0, 'join', null, 'one', null, false, [
          ['a', 'calls', 1],
          ['a', 'calls', 1],
        ]),
      ).to.equal('ERR_STATE');
      expect(await ask(0, 'join', null, 'one', null, false, [])).to.equal('ERR_STATE');
      expect(hive.hub.members().length).to.equal(1);
      await hive.member({ name: 'one' });
      bus().takeErrors();
    });

    it('members - that say the same twice, or of what is not theirs, are told so', async () => {
      const hive = await Hive.open(bus());
      await hive.member({ name: 'owner' }, (mine) => mine.own('room', { open: () => ({ join: () => 1 }) }));
      const room = hive.hub.service<{ join(): number }>('room').key('17');
      await room.call.join();
      const { ask } = await intruder();
      expect(await ask(0, 'join', null, 'one', null, false, [['room', 'keys', 1e-9]])).to.equal('ok');
      expect(await ask(0, 'join', null, 'two', null, false, [])).to.equal('ERR_STATE');
      expect(await ask(0, 'provide', null, 'room', 'keys', 1)).to.equal('ERR_STATE');
      expect(await ask(0, 'release', null, 'room', '17')).to.equal('ERR_INVALID_ARGUMENT');
      expect(await ask(0, 'release', null, 'nothing', '17')).to.equal('ERR_NO_SERVICE');
      expect(await ask(0, 'idle', null, 'room', '17', 1, 1)).to.equal('ok');
      expect(await ask(0, 'withdraw', null, 'nothing')).to.equal('ERR_NO_SERVICE');
      expect(hive.hub.owner('room', '17')?.name).to.equal('owner');
      expect(await room.call.join()).to.equal(1);
      expect(await ask(0, 'setMeta', null, { of: 'x'.repeat(70_000) })).to.equal('ERR_TOO_LARGE');
      const lent = [[[0, 'f'], 'function', 1]];
      expect(await ask(0, 'setMeta', lent, { f: null })).to.equal('ERR_UNENCODABLE');
    });

    it('members - that answer with what is none, or hand calls back for ever, hurt their callers only', async () => {
      const hive = await Hive.open(bus());
      let asked = 0;
      const answers: unknown[] = [];
      const { ask } = await intruder(([object]) => {
        if (object === 0) return [true, null];
        asked += 1;
        return answers.shift() ?? [false, '$unbegun', 'not me'];
      });
      await ask(0, 'join', null, 'liar', null, false, [
        ['find', 'calls', 5],
        ['room', 'keys', 1],
      ]);
      answers.push('nothing', [true, 1, 'refs'], [true, 1, [[['x'], 'function', 1]]]);
      const { call } = hive.hub.service<{ find(): number }>('find');
      for (let at = 0; at < 3; at += 1) expect((await rejected(call.find())).code).to.equal('ERR_PROTOCOL');
      const back = rejected(call.find());
      const keyed = rejected(hive.hub.service<{ find(): number }>('room').key('1').call.find());
      expect((await keyed).code).to.equal('ERR_SESSION_LOST');
      await hive.member({ name: 'honest' }, (mine) => mine.provide('find', { find: () => 7 }));
      expect(await call.find()).to.equal(7);
      await back.catch(() => undefined);
      expect(asked).to.be.at.most(9);
    });

    it('members - that say to a survey that they do not offer the service are told of as such', async () => {
      const hive = await Hive.open(bus());
      const { ask } = await intruder(() => [false, '$unbegun', 'not here']);
      expect(await ask(0, 'join', null, 'liar', null, false, [['find', 'calls', 1]])).to.equal('ok');
      const { mine } = await hive.member();
      for (const { survey } of [
        mine.service<{ find(): number }>('find'),
        hive.hub.service<{ find(): number }>('find'),
      ]) {
        expect((await survey.find()).map(({ reason }) => reason?.code)).to.deep.equal(['ERR_NO_SERVICE']);
      }
    });

    it('callers - that left before their notes went on are not remembered', async () => {
      const hive = await Hive.open(bus());
      const { mine, client } = await hive.member();
      const { id } = mine;
      await mine.service<{ find(): number }>('find').notify.find();
      await client.close();
      await until(() => hive.hub.members().length === 1);
      const heard: unknown[] = [];
      const { ask } = await intruder(() => [true, null], heard);
      expect(await ask(0, 'join', null, 'late', null, false, [['find', 'calls', 1]])).to.equal('ok');
      await until(() => heard.length === 3);
      const words = (heard as [number, unknown[]][]).map(([, [to, word, , said]]) => [to, word, said]);
      expect(words.map(([to, word]) => [to, word])).to.deep.equal([
        [0, 'caller'],
        [1, 'find'],
        [0, 'callerGone'],
      ]);
      expect(words[2]?.[2]).to.equal(id);
    });

    it('keys - named as members of every object are keys like others, and their methods are none', async () => {
      const hive = await Hive.open(bus());
      await hive.member({ name: 'owner' }, (mine) => mine.own('constructor', { open: (key) => ({ name: () => key }) }));
      const rooms = hive.hub.service<{ name(): string }>('constructor');
      for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
        expect(await rooms.key(key).call.name()).to.equal(key);
        expect(hive.hub.owner('constructor', key)?.name).to.equal('owner');
      }
      const { ask } = await intruder();
      await ask(0, 'join', null, 'caller', null, false, []);
      for (const method of ['constructor', '__proto__', 'toString', 'valueOf']) {
        expect(await ask(1, method, null, 'constructor', 'a', false)).to.equal('ERR_NO_METHOD');
      }
      for (const head of [[], ['x'.repeat(300), null, false], ['constructor', 5, false], ['constructor', 'a', 'yes']]) {
        expect(await ask(1, 'name', null, ...head)).to.equal('ERR_PROTOCOL');
      }
      bus().takeErrors();
    });

    it('meta - that changes a thousand times a second is told of a few times', async () => {
      const hive = await Hive.open(bus());
      let changes = 0;
      hive.hub.on('change', () => void (changes += 1));
      const { ask } = await intruder();
      await ask(0, 'join', null, 'busy', null, false, []);
      const startedAt = performance.now();
      for (let at = 0; at < 40; at += 1)
        await Promise.all(Array.from({ length: 50 }, (_, n) => ask(0, 'setMeta', null, n)));
      const passedMs = performance.now() - startedAt;
      expect(changes).to.be.within(1, 3 + passedMs / 20);
      await until(() => hive.hub.member('busy')?.meta === 49);
    });

    it('calls - of clients that have not joined wait for that, so many of them', async () => {
      const hive = await Hive.open(bus());
      hive.hub.provide('find', { find: () => 1 });
      const { ask } = await intruder();
      const early = Array.from({ length: 1_001 }, () => ask(1, 'find', null, 'find', null, false));
      expect(await early[1_000]).to.equal('ERR_QUEUE_FULL');
      expect(await ask(0, 'join', null, 'late', null, false, [])).to.equal('ok');
      expect(new Set(await Promise.all(early.slice(0, 1_000)))).to.deep.equal(new Set(['ok']));
      const refused = await intruder();
      const waits = refused.ask(1, 'find', null, 'find', null, false);
      expect(await refused.ask(0, 'join', null, 'late', null, false, [])).to.equal('ERR_NAME_TAKEN');
      expect(await waits).to.equal('ERR_STATE');
    });

    it('states - that are no data are lost, and reported', async () => {
      const hive = await Hive.open(bus());
      const states: unknown[] = [];
      const { ask } = await intruder(([, word]) =>
        word === 'close' ? [true, null, [[[], 'function', 1]]] : [true, null],
      );
      await ask(0, 'join', null, 'liar', null, false, [['room', 'keys', 1]]);
      const room = hive.hub.service<{ join(): number }>('room').key('17');
      await room.call.join();
      const honest = await hive.member({ name: 'honest' }, (mine) =>
        mine.own('room', {
          open: (_key, state) => {
            states.push(state);
            return { join: () => 1 };
          },
        }),
      );
      await hive.hub.move('room', '17', honest.mine.id ?? '');
      expect(states).to.deep.equal([undefined]);
      expect(bus().takeErrors()).to.deep.equal(['ERR_REMOTE']);
    });

    it('hubs - that say what is no word are not heard by members', async () => {
      const server: Server = bus().newServer();
      const lane = server.use(
        rawLane(([, word]) => [true, word === 'join' ? 'id' : word === 'members' ? [{ id: 5 }] : null]),
      );
      await server.start();
      const client = bus().newClient();
      const mine = client.use(services({ name: 'one' }));
      mine.own('room', { open: () => ({}) });
      const events: unknown[] = [];
      for (const event of ['join', 'leave', 'change', 'lost', 'error'] as const)
        mine.on(event, () => void events.push(event));
      await client.connect();
      const [connection] = server.connections;
      const ask = async (...call: readonly unknown[]): Promise<unknown> =>
        ((await lane.request(connection!, call)) as Answer)[1];
      expect(await ask(0, 'open', null, 'room')).to.equal('ERR_PROTOCOL');
      expect(await ask(0, 'open', null, 'nothing', '1', 1, null)).to.equal('$unbegun');
      expect(await ask(0, 'close', null, 'room', '1', 1)).to.equal('$unbegun');
      expect(await ask(0, 'presence', null, 'join', { id: 1 })).to.equal('ERR_PROTOCOL');
      let opened = 0;
      mine.own('desk', { open: () => ((opened += 1), {}) });
      for (let key = 0; key < 10; key += 1)
        await lane.send(connection!, [1, [0, 'open', null, 'desk', `${key}`, 1, null]]);
      await ask(0, 'open', null, 'desk', 'asked for', 1, null);
      expect(opened).to.equal(1);
      expect(await ask(1, 'find', null, 'find', 'nobody', null, 0)).to.equal('ERR_PROTOCOL');
      expect(await ask(1, 'find', null)).to.equal('ERR_PROTOCOL');
      expect((await rejected(mine.members())).code).to.equal('ERR_PROTOCOL');
      expect((await rejected(mine.service<{ find(): number }>('find').survey.find())).code).to.equal('ERR_PROTOCOL');
      expect(events).to.deep.equal([]);
      bus().takeErrors();
    });
  },
  { on: ['memory', 'unix'], speaking: [native] },
);
