import { expect } from 'chai';
import { it } from 'mocha';
import { BusError } from '../../../lib/index.ts';
import { callOptions } from '../../../lib/plugins/rpc/index.ts';
import { contract, native, rejected, until } from '../../support/buses.ts';
import { Gate, Hive } from './hive.ts';
import { Desk, type Finder } from './desk.ts';

contract(
  'services, members',
  (bus) => {
    it('members - with the fewest open calls get the next one, in turn where they have as many', async () => {
      const hive = await Hive.open(bus());
      const desks = [new Desk('a'), new Desk('b'), new Desk('c')];
      for (const desk of desks) await hive.member({}, (mine) => mine.provide('find', desk.object));
      const { call } = hive.hub.service<Finder>('find');
      const open = [1, 2, 3].map((ticket) => call.wait(ticket));
      await until(() => desks.every(({ gates }) => gates.size === 1));
      const [first] = desks;
      const [[ticket, gate]] = [...first!.gates] as [[number, Gate]];
      gate.open();
      await open[ticket - 1];
      open.push(call.wait(9));
      await until(() => first!.begun.includes(9));
      for (const { gates } of desks) for (const one of gates.values()) one.open();
      await Promise.all(open);
      const names = await Promise.all(Array.from({ length: 30 }, (_, n) => call.find(n)));
      for (const name of ['a', 'b', 'c']) expect(names.filter((found) => found.startsWith(name)).length).to.equal(10);
      await hive.hub.drain(hive.hub.members('find')[2]!.id);
      let ofA = 0;
      for (let n = 0; n < 30; n += 1) if ((await call.find(n)).startsWith('a')) ofA += 1;
      expect(ofA).to.equal(15);
    });

    it('members that are gone - lose what they had begun, but for what may be asked again', async () => {
      const hive = await Hive.open(bus());
      const first = new Desk('first');
      const second = new Desk('second');
      const gone = await hive.member({}, (mine) => mine.provide('find', first.object, { concurrency: 2 }));
      const { mine } = await hive.member();
      const { call } = mine.service<Finder>('find');
      const lost = rejected(call.wait(1));
      const again = call.wait(2, callOptions({ idempotent: true }));
      await until(() => first.begun.length === 2);
      const held = call.find(3);
      await mine.members();
      await hive.member({}, (other) => other.provide('find', second.object, { concurrency: 1 }));
      gone.client.destroy();
      expect((await lost).code).to.equal('ERR_SESSION_LOST');
      expect(await held).to.equal('second 3');
      await until(() => second.gates.has(2));
      second.gates.get(2)?.open();
      expect(await again).to.equal('second 2');
      expect(first.begun).to.deep.equal([1, 2]);
    });

    it('draining - gives nothing new, lets what is open end, and goes before close()', async () => {
      const hive = await Hive.open(bus());
      const first = new Desk('first');
      const second = new Desk('second');
      const leaves = await hive.member({ name: 'first' }, (mine) => mine.provide('find', first.object));
      const { call } = hive.hub.service<Finder>('find');
      const open = call.wait(1);
      await until(() => first.gates.size === 1);
      const drained = hive.hub.drain(leaves.client.id ?? '');
      expect(hive.hub.member('first')?.state).to.equal('draining');
      const waits = call.find(2);
      await hive.member({ name: 'second' }, (mine) => mine.provide('find', second.object));
      expect(await waits).to.equal('second 2');
      first.gates.get(1)?.open();
      expect(await open).to.equal('first 1');
      await drained;
      const closing = await hive.member({ name: 'third' }, (mine) => mine.provide('slow', second.object));
      const slow = hive.hub.service<Finder>('slow').call.wait(3);
      await until(() => second.gates.has(3));
      const closed = closing.client.close();
      await until(() => hive.hub.member('third')?.state === 'draining');
      second.gates.get(3)?.open();
      expect(await slow).to.equal('second 3');
      await closed;
      await until(() => hive.hub.member('third') === undefined);
      expect((await rejected(hive.hub.drain('nobody'))).code).to.equal('ERR_NO_MEMBER');
    });

    it('services that are taken back - hand back what was not begun', async () => {
      const hive = await Hive.open(bus());
      const first = new Desk('first');
      const second = new Desk('second');
      let provided: { dispose(): void } | undefined;
      await hive.member({ name: 'first' }, (mine) => {
        provided = mine.provide('find', first.object);
      });
      const { mine } = await hive.member({ name: 'second' });
      const { call } = hive.hub.service<Finder>('find');
      expect(await call.find(1)).to.equal('first 1');
      provided?.dispose();
      const handedBack = call.find(2);
      mine.provide('find', second.object);
      expect(await handedBack).to.equal('second 2');
      expect(first.begun).to.deep.equal([1]);
      expect(hive.hub.member('first')?.services).to.deep.equal([]);
    });

    it('surveys - ask all who offer the service, with the member beside', async () => {
      const hive = await Hive.open(bus());
      const desks = [new Desk('one'), new Desk('two')];
      await hive.member({ name: 'one' }, (mine) => mine.provide('find', desks[0]!.object));
      hive.hub.provide('find', new Desk('hub').object);
      const two = await hive.member({ name: 'two' }, (mine) => mine.provide('find', desks[1]!.object));
      const { mine } = await hive.member();
      for (const { survey } of [mine.service<Finder>('find'), hive.hub.service<Finder>('find')]) {
        const answers = await survey.find(7);
        expect(answers.map(({ member, value }) => [member.name, value])).to.deep.equal([
          ['hub', 'hub 7'],
          ['one', 'one 7'],
          ['two', 'two 7'],
        ]);
        const failed = await survey.fail('NO_SUCH');
        expect(failed.map(({ reason }) => reason?.code)).to.deep.equal(['NO_SUCH', 'NO_SUCH', 'NO_SUCH']);
        const late = await survey.wait(1, callOptions({ timeout: 300 }));
        expect(late.map(({ reason }) => reason?.code)).to.deep.equal(['ERR_TIMEOUT', 'ERR_TIMEOUT', 'ERR_TIMEOUT']);
      }
      expect(await mine.service<Finder>('nobody').survey.find(1)).to.deep.equal([]);
      expect(desks[0]?.contexts[0]?.caller.id).to.equal(mine.id);
      const lends = mine.service<{ find(visit: () => void): void }>('find').survey.find(() => undefined);
      expect((await rejected(lends)).code).to.equal('ERR_UNENCODABLE');
      await two.client.close();
    });

    it('surveys - of one member that are open at once are bounded, and those of others go on', async () => {
      const hive = await Hive.open(bus());
      await hive.member({ name: 'one' }, (mine) => mine.provide('find', new Desk('one').object));
      const [{ mine }, other] = [await hive.member(), await hive.member()];
      const { survey } = mine.service<Finder>('find');
      const controller = new AbortController();
      const options = callOptions({ timeout: 60_000, signal: controller.signal });
      const codes: string[] = [];
      const many = Array.from({ length: 1_100 }, async () =>
        codes.push((await rejected(survey.wait(1, options))).code),
      );
      const elsewhere = await other.mine.service<Finder>('find').survey.find(7);
      expect(elsewhere.map(({ value }) => value)).to.deep.equal(['one 7']);
      await until(() => codes.length >= 100);
      controller.abort();
      await Promise.all(many);
      expect(codes.filter((code) => code === 'ERR_QUEUE_FULL').length).to.equal(100);
      await mine.members();
      expect((await survey.find(8)).map(({ value }) => value)).to.deep.equal(['one 8']);
    });

    it('offerings - that are none, or twice, are refused at once; what the hub refuses is told', async () => {
      const hive = await Hive.open(bus(), { maxServices: 2 });
      const { mine } = await hive.member({ name: 'one' });
      const errors: string[] = [];
      mine.on('error', (error) => errors.push((error as BusError).code));
      mine.provide('find', {});
      expect(() => mine.provide('find', {}))
        .to.throw()
        .with.property('code', 'ERR_STATE');
      expect(() => mine.own('find', { open: () => ({}) }))
        .to.throw()
        .with.property('code', 'ERR_STATE');
      expect(() => mine.own('room', {} as never))
        .to.throw()
        .with.property('code', 'ERR_INVALID_ARGUMENT');
      expect(() => mine.provide('other', {}, { methods: ['toString'] }))
        .to.throw()
        .with.property('code', 'ERR_INVALID_ARGUMENT');
      expect(() => mine.provide('other', {}, { concurrency: 0 }))
        .to.throw()
        .with.property('code', 'ERR_INVALID_OPTION');
      const other = await hive.member({ name: 'two' });
      other.mine.on('error', (error) => errors.push((error as BusError).code));
      other.mine.own('find', { open: () => ({}) });
      await until(() => errors.length === 1);
      other.mine.provide('second', {});
      other.mine.provide('third', {});
      await until(() => errors.length === 2);
      expect(errors).to.deep.equal(['ERR_INVALID_ARGUMENT', 'ERR_QUEUE_FULL']);
      expect(() => hive.hub.provide('fourth', {}))
        .to.throw()
        .with.property('code', 'ERR_QUEUE_FULL');
    });
  },
  { on: ['memory', 'unix'], speaking: [native] },
);
