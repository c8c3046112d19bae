import { expect } from 'chai';
import { it } from 'mocha';
import { BusError } from '../../../lib/index.ts';
import { contract, native, rejected, until } from '../../support/buses.ts';
import { Hive } from './hive.ts';
import { type Calls, member } from './rooms.ts';

contract(
  'services, keys',
  (bus) => {
    it('keys - are opened with their first call, by one owner, who gets all calls', async () => {
      const hive = await Hive.open(bus());
      const owners = [await member(hive, 'a'), await member(hive, 'b')];
      const { mine } = await hive.member();
      expect(hive.hub.owner('room', '17')).to.equal(undefined);
      const room = mine.service<Calls>('room').key('17');
      const first = await room.call.join('ann');
      await room.notify.join('bob');
      const second = await room.call.join('cid');
      expect((await hive.hub.service<Calls>('room').key('17').call.join('dan')).slice(3)).to.equal('ann,bob,cid,dan');
      const name = first.slice(0, 1);
      expect([first, second]).to.deep.equal([`${name}: ann`, `${name}: ann,bob,cid`]);
      expect(hive.hub.owner('room', '17')?.name).to.equal(name);
      expect(owners.map(({ rooms }) => rooms.open.size).sort()).to.deep.equal([0, 1]);
      expect((await rejected(mine.service<Calls>('room').call.join('x'))).code).to.equal('ERR_INVALID_ARGUMENT');
      const others = room.call as unknown as Record<string, () => Promise<unknown>>;
      for (const method of ['nothing', 'players'])
        expect((await rejected(others[method]!())).code).to.equal('ERR_NO_METHOD');
      expect(() => hive.hub.owner('nothing', '1'))
        .to.throw()
        .with.property('code', 'ERR_NO_SERVICE');
      expect(() => hive.hub.owner('room', ''))
        .to.throw()
        .with.property('code', 'ERR_INVALID_ARGUMENT');
    });

    it('keys - stay where they are when an owner comes, until they are moved', async () => {
      const hive = await Hive.open(bus());
      const a = await member(hive, 'a');
      const rooms = hive.hub.service<Calls>('room');
      const keys = Array.from({ length: 40 }, (_, n) => `key ${n}`);
      await Promise.all(keys.map((key) => rooms.key(key).call.join('ann')));
      const b = await member(hive, 'b', { capacity: 3 });
      expect(b.rooms.open.size).to.equal(0);
      const moved = await hive.hub.rebalance('room');
      expect(b.rooms.open.size).to.equal(moved);
      expect(moved).to.be.within(18, 39);
      expect(a.rooms.open.size).to.equal(40 - moved);
      expect(hive.hub.keys('room', b.id).sort()).to.deep.equal([...b.rooms.open.keys()].sort());
      expect(hive.hub.keys('room').sort()).to.deep.equal([...keys].sort());
      expect(hive.hub.keys('nothing')).to.deep.equal([]);
      expect(() => hive.hub.keys('room', 'nobody'))
        .to.throw()
        .with.property('code', 'ERR_NO_MEMBER');
      expect(await hive.hub.rebalance('room')).to.equal(0);
      for (const key of keys) {
        const owner = hive.hub.owner('room', key)?.name;
        expect(await rooms.key(key).call.join('bob')).to.equal(`${owner}: ann,bob`);
      }
    });

    it('moves - take the state along, and keep the calls in order', async () => {
      const hive = await Hive.open(bus());
      const a = await member(hive, 'a');
      const b = await member(hive, 'b');
      const { mine } = await hive.member();
      const room = mine.service<Calls>('room').key('17');
      await hive.hub.move('room', '17', a.id);
      expect(hive.hub.owner('room', '17')?.id).to.equal(a.id);
      const epochs = [a.rooms.open.get('17')?.epoch];
      const answers: Promise<string>[] = [];
      let players = '';
      for (let turn = 0; turn < 6; turn += 1) {
        const to = turn % 2 === 0 ? b : a;
        for (let at = 0; at < 20; at += 1) answers.push(room.call.join(`${turn}.${at}`));
        const moved = hive.hub.move('room', '17', to.id);
        for (let at = 20; at < 40; at += 1) answers.push(room.call.join(`${turn}.${at}`));
        await moved;
        epochs.push(to.rooms.open.get('17')?.epoch);
        for (let at = 0; at < 40; at += 1) players += `${players === '' ? '' : ','}${turn}.${at}`;
        expect((await answers.at(-1))?.slice(3)).to.equal(players);
      }
      await Promise.all(answers);
      expect(epochs).to.deep.equal([...epochs].sort());
      expect(new Set(epochs).size).to.equal(7);
      expect(a.rooms.lost.concat(b.rooms.lost)).to.deep.equal([]);
      expect(b.rooms.open.size).to.equal(0);
    });

    it('moves - wait for the calls that are open, and hold the others within their limits', async () => {
      const hive = await Hive.open(bus(), { maxWaiting: 2 });
      const a = await member(hive, 'a');
      const { mine } = await hive.member();
      const room = mine.service<Calls>('room').key('17');
      const open = room.call.wait('ann');
      await until(() => a.rooms.gates.has('ann'));
      const b = await member(hive, 'b');
      const moved = hive.hub.move('room', '17', b.id);
      await until(() => hive.hub.owner('room', '17') === undefined);
      const held = [room.call.join('bob'), room.call.join('cid')];
      expect((await rejected(room.call.join('dan'))).code).to.equal('ERR_QUEUE_FULL');
      a.rooms.gates.get('ann')?.open();
      await moved;
      expect(await open).to.equal('a: ann');
      expect(await Promise.all(held)).to.deep.equal(['b: ann,bob', 'b: ann,bob,cid']);
      expect((await rejected(hive.hub.move('room', '17', 'nobody'))).code).to.equal('ERR_NO_MEMBER');
      expect((await rejected(hive.hub.move('room', '17', 'hub'))).code).to.equal('ERR_NO_SERVICE');
    });

    it('links - that break move no key', async () => {
      const hive = await Hive.open(bus());
      const a = await member(hive, 'a');
      const room = hive.hub.service<Calls>('room').key('17');
      await room.call.join('ann');
      await member(hive, 'b');
      bus().cut(hive.server.connections[0]!);
      await until(() => hive.hub.member('a')?.state === 'away' || hive.hub.owner('room', '17')?.id === a.id);
      expect(await room.call.join('bob')).to.equal('a: ann,bob');
      expect(a.rooms.lost).to.deep.equal([]);
    });

    it('open - that fails rejects what waits, and the next call tries again', async () => {
      const hive = await Hive.open(bus(), { closeMs: 50 });
      const a = await member(hive, 'a');
      const room = hive.hub.service<Calls>('room').key('17');
      a.rooms.opening = () => {
        throw new BusError('NO_ROOM', 'not now');
      };
      const failed = [rejected(room.call.join('ann')), rejected(room.call.join('bob'))];
      expect((await Promise.all(failed)).map(({ code }) => code)).to.deep.equal(['NO_ROOM', 'NO_ROOM']);
      a.rooms.opening = () => new Promise(() => undefined);
      expect((await rejected(room.call.join('cid'))).code).to.equal('ERR_TIMEOUT');
      a.rooms.opening = () => undefined;
      expect(await room.call.join('dan')).to.equal('a: dan');
    });

    it('close - that fails or takes too long loses the state, which is reported; the key goes on elsewhere', async () => {
      const hive = await Hive.open(bus(), { closeMs: 50 });
      const a = await member(hive, 'a');
      const b = await member(hive, 'b');
      const room = hive.hub.service<Calls>('room').key('17');
      await hive.hub.move('room', '17', a.id);
      await room.call.join('ann');
      a.rooms.closing = () => {
        throw new BusError('NO_DISK', 'full');
      };
      await hive.hub.move('room', '17', b.id);
      expect(await room.call.join('bob')).to.equal('b: bob');
      b.rooms.closing = () => new Promise(() => undefined);
      a.rooms.closing = () => undefined;
      const open = rejected(room.call.wait('cid'));
      await until(() => b.rooms.gates.has('cid'));
      await hive.hub.move('room', '17', a.id);
      expect((await open).code).to.equal('ERR_SESSION_LOST');
      expect(await room.call.join('dan')).to.equal('a: dan');
      await until(() => b.rooms.lost.length === 1);
      expect(bus().takeErrors()).to.deep.equal(['ERR_REMOTE', 'ERR_REMOTE']);
    });

    it('keys - that are released or idle are closed for good; their epochs go on counting', async () => {
      const hive = await Hive.open(bus());
      const a = await member(hive, 'a', { idleMs: 60 });
      const room = hive.hub.service<Calls>('room').key('17');
      await room.call.join('ann');
      const epoch = a.rooms.open.get('17')?.epoch ?? 0;
      await a.mine.release('room', '17');
      expect(a.rooms.open.size).to.equal(0);
      expect((await rejected(a.mine.release('room', '17'))).code).to.equal('ERR_INVALID_ARGUMENT');
      expect(await room.call.join('bob')).to.equal('a: bob');
      expect(a.rooms.open.get('17')?.epoch).to.be.greaterThan(epoch);
      const open = room.call.wait('cid');
      await until(() => a.rooms.gates.has('cid'));
      await new Promise((done) => setTimeout(done, 150));
      expect(a.rooms.open.size).to.equal(1);
      a.rooms.gates.get('cid')?.open();
      await open;
      await until(() => a.rooms.open.size === 0 && hive.hub.owner('room', '17') === undefined);
      expect(a.rooms.lost).to.deep.equal([]);
    });

    it('keys - are counted, and have a limit', async () => {
      const hive = await Hive.open(bus(), { maxKeys: 2 });
      const a = await member(hive, 'a');
      const rooms = hive.hub.service<Calls>('room');
      await rooms.key('1').call.join('ann');
      await rooms.key('2').call.join('ann');
      expect((await rejected(rooms.key('3').call.join('ann'))).code).to.equal('ERR_QUEUE_FULL');
      await a.mine.release('room', '1');
      expect(await rooms.key('3').call.join('ann')).to.equal('a: ann');
    });

    it('keys - wait for an owner, and reject when none comes', async () => {
      const hive = await Hive.open(bus(), { waitMs: 80 });
      const a = await member(hive, 'a');
      const room = hive.hub.service<Calls>('room').key('17');
      await room.call.join('ann');
      await a.client.close();
      expect((await rejected(room.call.join('bob'))).code).to.equal('ERR_NO_SERVICE');
      const b = await member(hive, 'b');
      expect(await room.call.join('cid')).to.equal('b: ann,cid');
      await b.mine.release('room', '17');
      await b.client.close();
      expect((await rejected(room.call.join('dan'))).code).to.equal('ERR_NO_SERVICE');
      expect(() => hive.hub.owner('room', '17'))
        .to.throw()
        .with.property('code', 'ERR_NO_SERVICE');
    });
  },
  { on: ['memory', 'unix'], speaking: [native] },
);
