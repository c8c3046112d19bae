import { expect } from 'chai';
import { it } from 'mocha';
import { callOptions } from '../../../lib/plugins/rpc/index.ts';
import { contract, native, rejected, until } from '../../support/buses.ts';
import { Hive } from './hive.ts';
import { type Calls, member, Rooms } from './rooms.ts';

contract(
  'services, owners of keys',
  (bus) => {
    it('owners - that drain or close hand all keys on; a key without an owner waits with its state', async () => {
      const hive = await Hive.open(bus());
      const a = await member(hive, 'a');
      const rooms = hive.hub.service<Calls>('room');
      const keys = Array.from({ length: 200 }, (_, n) => `${n}`);
      await Promise.all(keys.map((key) => rooms.key(key).call.join('ann')));
      const b = await member(hive, 'b');
      await a.mine.drain();
      expect([a.rooms.open.size, b.rooms.open.size]).to.deep.equal([0, 200]);
      expect(hive.hub.member('a')?.state).to.equal('draining');
      await b.client.close();
      expect(b.rooms.open.size).to.equal(0);
      const waits = rooms.key('5').call.join('bob');
      expect(hive.hub.owner('room', '5')).to.equal(undefined);
      const c = await member(hive, 'c');
      expect(await waits).to.equal('c: ann,bob');
      await until(() => c.rooms.open.size === 200);
      expect(await rooms.key('6').call.join('bob')).to.equal('c: ann,bob');
      expect([...a.rooms.lost, ...b.rooms.lost]).to.deep.equal([]);
    });

    it('owners - that die lose their keys, which open elsewhere without state', async () => {
      const hive = await Hive.open(bus());
      const a = await member(hive, 'a');
      const rooms = hive.hub.service<Calls>('room');
      const keys = Array.from({ length: 100 }, (_, n) => `${n}`);
      await Promise.all(keys.map((key) => rooms.key(key).call.join('ann')));
      const lost = rejected(rooms.key('1').call.wait('bob'));
      const again = rooms.key('2').call.wait('bob', callOptions({ idempotent: true }));
      await until(() => a.rooms.gates.size === 1);
      const b = await member(hive, 'b');
      const epoch = a.rooms.open.get('1')?.epoch ?? 0;
      a.client.destroy();
      expect((await lost).code).to.equal('ERR_SESSION_LOST');
      await until(() => b.rooms.open.size === 100);
      expect(b.rooms.open.get('1')?.epoch).to.be.greaterThan(epoch);
      expect(await rooms.key('1').call.join('cid')).to.equal('b: cid');
      await until(() => b.rooms.gates.size === 1);
      b.rooms.gates.get('bob')?.open();
      expect(await again).to.equal('b: bob');
      await until(() => a.rooms.lost.length === 100);
      expect(a.rooms.lost.sort()).to.deep.equal(keys.map((key) => `room ${key}`).sort());
    });

    it('owners - whose session is lost and who come back have lost their keys, and are told', async () => {
      const hive = await Hive.open(bus());
      const a = await member(hive, 'a');
      const room = hive.hub.service<Calls>('room').key('17');
      const lost = rejected(room.call.wait('ann'));
      await until(() => a.rooms.gates.has('ann'));
      hive.server.connections[0]?.destroy('thought dead');
      expect((await lost).code).to.equal('ERR_SESSION_LOST');
      a.rooms.gates.get('ann')?.open();
      expect(await room.call.join('bob')).to.equal('a: bob');
      expect(a.rooms.lost).to.deep.equal(['room 17']);
    });

    it('owners - that are replaced have lost their keys, and are told', async () => {
      const hive = await Hive.open(bus());
      const a = await member(hive, 'a');
      a.mine.on('error', () => undefined);
      const room = hive.hub.service<Calls>('room').key('17');
      await room.call.join('ann');
      const rooms = new Rooms('other a');
      await hive.member({ name: 'a', takeOver: true }, (mine) => mine.own('room', rooms.definition));
      expect(await room.call.join('bob')).to.equal('other a: bob');
      await until(() => a.rooms.lost.length === 1);
      expect(a.rooms.open.size).to.equal(0);
    });

    it('owners - whose lost() throws are told of all their keys, and report it', async () => {
      const hive = await Hive.open(bus());
      const told: string[] = [];
      await hive.member({ name: 'a' }, (mine) => {
        mine.on('lost', (_service, key) => told.push(key));
        mine.own('room', {
          open: (key) => ({ join: () => key }),
          lost: (room, key) => {
            if (told.push(`lost ${room.join()}`) === 1) throw new Error(`cannot let go of ${key}`);
          },
        });
      });
      const rooms = hive.hub.service<{ join(): string }>('room');
      for (const key of ['1', '2']) expect(await rooms.key(key).call.join()).to.equal(key);
      hive.server.connections[0]?.destroy('thought dead');
      await until(() => told.length === 4);
      expect(told).to.deep.equal(['lost 1', '1', 'lost 2', '2']);
      expect(bus().takeErrors()).to.deep.equal(['ERR_LISTENER']);
    });

    it('owners - that take their offer back hand their keys on', async () => {
      const hive = await Hive.open(bus());
      const rooms = new Rooms('hub');
      const offered = hive.hub.own('room', rooms.definition);
      const room = hive.hub.service<Calls>('room').key('17');
      expect(await room.call.join('ann')).to.equal('hub: ann');
      const a = await member(hive, 'a');
      offered.dispose();
      await until(() => hive.hub.owner('room', '17')?.id === a.id);
      expect(await room.call.join('bob')).to.equal('a: ann,bob');
      expect(rooms.open.size).to.equal(0);
    });
  },
  { on: ['memory', 'unix'], speaking: [native] },
);
