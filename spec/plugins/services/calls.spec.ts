import { expect } from 'chai';
import { it } from 'mocha';
import { callOptions } from '../../../lib/plugins/rpc/index.ts';
import { contract, native, rejected, until } from '../../support/buses.ts';
import { Hive } from './hive.ts';
import { Desk, type Finder } from './desk.ts';

contract(
  'services, calls',
  (bus) => {
    it('calls - go to a member by the name of the service, from members and the hub, and back with what it answers', async () => {
      const hive = await Hive.open(bus());
      const desk = new Desk('one');
      const one = await hive.member({ name: 'one' }, (mine) => mine.provide('find', desk.object));
      const two = await hive.member({ name: 'two', meta: 7 });
      const found = two.mine.service<Finder>('find');
      expect(await found.call.find(1)).to.equal('one 1');
      expect(await hive.hub.service<Finder>('find').call.find(2, callOptions({ timeout: 5_000 }))).to.equal('one 2');
      expect(await one.mine.service<Finder>('find').call.find(3)).to.equal('one 3');
      const [ofTwo, ofHub, ofOne] = desk.contexts;
      expect(ofTwo?.caller).to.deep.equal(hive.hub.member('two'));
      expect(ofTwo?.peer).to.equal(one.client);
      expect(ofTwo?.epoch).to.equal(undefined);
      expect(ofTwo?.deadline).to.be.within(5_000, 10_000);
      expect(ofTwo?.signal.aborted).to.equal(false);
      expect(ofHub?.caller.name).to.equal('hub');
      expect(ofHub?.deadline).to.be.within(1, 5_000);
      expect(ofOne?.caller.id).to.equal(one.client.id);
      hive.hub.provide('clock', { now: () => 12 });
      expect(await two.mine.service<{ now(): number }>('clock').call.now()).to.equal(12);
      expect(await hive.hub.service<{ now(): number }>('clock').call.now()).to.equal(12);
    });

    it('callers - are told as they are by then', async () => {
      const hive = await Hive.open(bus());
      const desk = new Desk('one');
      await hive.member({ name: 'one' }, (mine) => mine.provide('find', desk.object));
      const { mine } = await hive.member({ name: 'two', meta: 'before' });
      await mine.service<Finder>('find').call.find(1);
      await mine.setMeta('after');
      await mine.service<Finder>('find').call.find(2);
      expect(desk.contexts.map(({ caller }) => caller.meta)).to.deep.equal(['before', 'after']);
    });

    it('failures - come with their code; methods that are none, and names, are refused', async () => {
      const hive = await Hive.open(bus());
      const { client } = await hive.member({ name: 'one' }, (mine) => mine.provide('find', new Desk('one').object));
      const { mine } = await hive.member();
      for (const { call } of [mine.service<Finder>('find'), hive.hub.service<Finder>('find')]) {
        expect((await rejected(call.fail('NO_SUCH'))).code).to.equal('NO_SUCH');
        expect((await rejected(call.fail(undefined))).code).to.equal('ERR_REMOTE');
        const others = call as unknown as Record<string, () => Promise<unknown>>;
        expect((await rejected(others['nothing']!())).code).to.equal('ERR_NO_METHOD');
      }
      const errors = bus().takeErrors();
      expect(errors).to.deep.equal(['ERR_LISTENER', 'ERR_LISTENER']);
      expect(client.status).to.equal(3);
      for (const name of ['', 'x'.repeat(257), 5]) {
        expect(() => mine.service(name as never))
          .to.throw()
          .with.property('code', 'ERR_INVALID_ARGUMENT');
        expect(() => mine.service('room').key(name as never))
          .to.throw()
          .with.property('code', 'ERR_INVALID_ARGUMENT');
      }
      const keyed = mine.service<Finder>('find').key('1').call.find(1);
      expect((await rejected(keyed)).code).to.equal('ERR_INVALID_ARGUMENT');
    });

    it('functions and streams - travel through the hub', async () => {
      const hive = await Hive.open(bus());
      await hive.member({}, (mine) => mine.provide('find', new Desk('one').object));
      const { mine } = await hive.member();
      const seen: number[] = [];
      for (const { call } of [mine.service<Finder>('find'), hive.hub.service<Finder>('find')]) {
        for await (const item of await call.each((n) => void seen.push(n))) seen.push(item);
      }
      await until(() => seen.length === 6);
      expect(seen.sort()).to.deep.equal([1, 1, 2, 2, 3, 3]);
    });

    it('concurrency - holds what is over it, in order, within its limits', async () => {
      const hive = await Hive.open(bus(), { maxWaiting: 3 });
      const desk = new Desk('one');
      await hive.member({}, (mine) => mine.provide('find', desk.object, { concurrency: 2 }));
      const { mine } = await hive.member();
      const { call } = mine.service<Finder>('find');
      const calls = [1, 2, 3, 4, 5].map((ticket) => call.wait(ticket));
      await until(() => desk.begun.length === 2);
      expect((await rejected(call.wait(6))).code).to.equal('ERR_QUEUE_FULL');
      expect(desk.begun).to.deep.equal([1, 2]);
      for (let ticket = 1; ticket <= 5; ticket += 1) {
        await until(() => desk.gates.has(ticket));
        desk.gates.get(ticket)?.open();
        expect(await calls[ticket - 1]).to.equal(`one ${ticket}`);
      }
      expect(desk.begun).to.deep.equal([1, 2, 3, 4, 5]);
    });

    it('bytes that wait - have a limit too', async () => {
      const hive = await Hive.open(bus(), { maxWaitingBytes: 1_000 });
      const { mine } = await hive.member();
      const { call } = mine.service<{ take(text: string): void }>('later');
      const kept = call.take('x'.repeat(600));
      expect((await rejected(call.take('x'.repeat(600)))).code).to.equal('ERR_QUEUE_FULL');
      await hive.member({}, (other) => other.provide('later', { take: () => undefined }));
      await kept;
    });

    it('calls - wait for a member, and reject when none comes', async () => {
      const hive = await Hive.open(bus(), { waitMs: 100 });
      const { mine } = await hive.member();
      const { call } = mine.service<Finder>('find');
      const startedAt = performance.now();
      expect((await rejected(call.find(1))).code).to.equal('ERR_NO_SERVICE');
      expect(performance.now() - startedAt).to.be.within(95, 5_000);
      const waits = call.find(2);
      await hive.member({}, (other) => other.provide('find', new Desk('late').object));
      expect(await waits).to.equal('late 2');
    });

    it('calls - that are given up go on nowhere, and tell who has begun them', async () => {
      const hive = await Hive.open(bus());
      const desk = new Desk('one');
      const { mine } = await hive.member();
      const { call } = mine.service<Finder>('find');
      const given = rejected(call.find(1, callOptions({ timeout: 20 })));
      expect((await given).code).to.equal('ERR_TIMEOUT');
      await mine.members();
      await hive.member({}, (other) => other.provide('find', desk.object));
      const controller = new AbortController();
      const begun = rejected(call.wait(2, callOptions({ signal: controller.signal })));
      await until(() => desk.begun.length === 1);
      controller.abort();
      expect((await begun).code).to.equal('ERR_ABORTED');
      await until(() => desk.contexts[0]?.signal.aborted === true);
      const own = rejected(hive.hub.service<Finder>('find').call.wait(3, callOptions({ timeout: 300 })));
      expect((await own).code).to.equal('ERR_TIMEOUT');
      await until(() => desk.contexts[1]?.signal.aborted === true);
      expect(desk.begun).to.deep.equal([2, 3]);
    });

    it('sessions of callers that are lost - have idempotent calls asked again', async () => {
      const hive = await Hive.open(bus());
      const desk = new Desk('one');
      await hive.member({ name: 'one' }, (mine) => mine.provide('find', desk.object));
      const { mine, client } = await hive.member({ name: 'two' });
      const { call } = mine.service<Finder>('find');
      const lost = rejected(call.wait(1));
      const again = call.wait(2, callOptions({ idempotent: true }));
      await until(() => desk.begun.length === 2);
      hive.server.connection(client.id ?? '')?.destroy('lost');
      expect((await lost).code).to.equal('ERR_SESSION_LOST');
      await until(() => desk.begun.length === 3);
      desk.gates.get(2)?.open();
      expect(await again).to.equal('one 2');
      expect(desk.contexts[0]?.signal.aborted).to.equal(true);
    });

    it('notify - goes one way, to one member, in order', async () => {
      const hive = await Hive.open(bus());
      const desk = new Desk('one');
      const { mine } = await hive.member();
      const { notify, call } = mine.service<Finder>('find');
      await notify.find(1);
      await notify.find(2);
      await mine.members();
      await hive.member({}, (other) => other.provide('find', desk.object));
      await notify.find(3);
      expect(await call.find(4)).to.equal('one 4');
      await hive.hub.service<Finder>('find').notify.find(5);
      await until(() => desk.begun.length === 5);
      expect(desk.begun).to.deep.equal([1, 2, 3, 4, 5]);
    });
  },
  { on: ['memory', 'unix'], speaking: [native] },
);
