import { expect } from 'chai';
import { it } from 'mocha';
import type { BusError } from '../../../lib/index.ts';
import { contract, native, rejected, sleep, until } from '../../support/buses.ts';
import { Gate, Hive } from './hive.ts';

interface Finder {
  find(): string;
}

contract(
  'services, going away',
  (bus) => {
    it('hubs - that close let no call wait, until they are started again', async () => {
      const hive = await Hive.open(bus(), { waitMs: 60_000 });
      const finder = hive.hub.service<Finder>('find').call;
      const early = rejected(finder.find());
      await hive.server.close();
      expect((await early).code).to.equal('ERR_CLOSED');
      expect((await rejected(finder.find())).code).to.equal('ERR_CLOSED');
      await hive.server.start();
      const late = finder.find();
      await hive.member({ name: 'one' }, (mine) => mine.provide('find', { find: () => 'found' }));
      expect(await late).to.equal('found');
    });

    it('hubs and owners - that close at the same time let no call to a key wait', async () => {
      const hive = await Hive.open(bus(), { waitMs: 60_000 });
      const owner = await hive.member({ name: 'one' }, (mine) =>
        mine.own('room', { open: () => ({ find: () => 'found' }) }),
      );
      const { find } = hive.hub.service<Finder>('room').key('17').call;
      expect(await find()).to.equal('found');
      const leaves = owner.client.close();
      const closes = hive.server.close();
      const codes = new Set<string>();
      for (let call = 0; call < 100; call += 1)
        codes.add(await find().catch((error: unknown) => (error as BusError).code));
      await Promise.all([leaves, closes]);
      codes.add((await rejected(find())).code);
      // Those that the owner had begun by then come to their end.
      expect([...codes].every((code) => ['found', 'ERR_CLOSED', 'ERR_SESSION_LOST'].includes(code))).to.equal(true);
      // That what the owner left is lost, where that happened.
      bus().takeErrors();
    });

    it('rooms - are closed or lost, never both, also where closing takes too long', async () => {
      const hive = await Hive.open(bus(), { closeMs: 50 });
      const told: string[] = [];
      const closing = new Gate();
      await hive.member({ name: 'slow' }, (mine) => {
        mine.on('lost', () => told.push('event'));
        mine.own('room', {
          open: () => ({ find: () => 'slow' }),
          close: () => {
            told.push('close');
            return closing.passed;
          },
          lost: () => told.push('lost'),
        });
      });
      const { find } = hive.hub.service<Finder>('room').key('17').call;
      expect(await find()).to.equal('slow');
      const other = await hive.member({ name: 'other' }, (mine) =>
        mine.own('room', { open: () => ({ find: () => 'other' }) }),
      );
      await hive.hub.move('room', '17', other.mine.id ?? '');
      expect(await find()).to.equal('other');
      await until(() => told.length === 2);
      closing.open();
      expect(told).to.deep.equal(['close', 'event']);
      expect(bus().takeErrors()).to.deep.equal(['ERR_REMOTE']);
    });

    it('rooms - keep their state where their calls take longer than closing may', async () => {
      const hive = await Hive.open(bus(), { closeMs: 50 });
      const begun = new Gate();
      const mayEnd = new Gate();
      const own = (name: string) => ({
        open: (_room: string, state: unknown) => ({
          find: async () => {
            if (state !== undefined) return [name, state];
            begun.open();
            await mayEnd.passed;
            return name;
          },
        }),
        close: () => 'the state',
      });
      await hive.member({ name: 'slow' }, (mine) => mine.own('room', own('slow')));
      const { find } = hive.hub.service<Finder>('room').key('17').call;
      const first = find();
      await begun.passed;
      const other = await hive.member({ name: 'other' }, (mine) => mine.own('room', own('other')));
      const moved = hive.hub.move('room', '17', other.mine.id ?? '');
      const second = find();
      // Longer than closing may take: that time has not begun.
      await sleep(100);
      mayEnd.open();
      expect(await first).to.equal('slow');
      await moved;
      expect(await second).to.deep.equal(['other', 'the state']);
    });
  },
  { on: ['memory', 'unix'], speaking: [native] },
);
