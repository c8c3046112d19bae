import { expect } from 'chai';
import { it } from 'mocha';
import { BusError } from '../../../lib/index.ts';
import { callOptions } from '../../../lib/plugins/rpc/index.ts';
import type { ServiceContext } from '../../../lib/plugins/services/index.ts';
import { contract, native, rejected, until } from '../../support/buses.ts';
import { Gate, Hive } from './hive.ts';

interface Finder {
  find(ticket: number): string;
  wait(ticket: number): Promise<string>;
  fail(code: string | undefined): void;
  each(visit: (n: number) => void): Promise<AsyncIterable<number>>;
}

/** A member's own service: it answers with its name, and waits until it is told. */
class Desk {
  readonly begun: number[] = [];
  readonly gates = new Map<number, Gate>();
  readonly contexts: ServiceContext[] = [];
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  get object(): Finder {
    const contextOf = (args: readonly unknown[]): void => void this.contexts.push(args.at(-1) as ServiceContext);
    return {
      find: (...args) => {
        this.begun.push(args[0]);
        contextOf(args);
        return `${this.#name} ${args[0]}`;
      },
      wait: async (...args) => {
        this.begun.push(args[0]);
        contextOf(args);
        const gate = new Gate();
        this.gates.set(args[0], gate);
        await gate.passed;
        return `${this.#name} ${args[0]}`;
      },
      fail: (code) => {
        throw code === undefined ? new Error('by mistake') : new BusError(code, 'on purpose', { details: { at: 1 } });
      },
      each: async (visit) => {
        visit(1);
        return (async function* () {
          yield 2;
          yield 3;
        })();
      },
    };
  }
}

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
