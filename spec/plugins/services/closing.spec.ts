import { expect } from 'chai';
import { it } from 'mocha';
import { contract, native, rejected, until } from '../../support/buses.ts';
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
      for (let call = 0; call < 100; call += 1) codes.add((await rejected(find())).code);
      await Promise.all([leaves, closes]);
      codes.add((await rejected(find())).code);
      expect([...codes].every((code) => ['ERR_CLOSED', 'ERR_SESSION_LOST'].includes(code))).to.equal(true);
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
  },
  { on: ['memory', 'unix'], speaking: [native] },
);
