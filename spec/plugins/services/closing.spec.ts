import { expect } from 'chai';
import { it } from 'mocha';
import { contract, native, rejected } from '../../support/buses.ts';
import { Hive } from './hive.ts';

interface Finder {
  find(): string;
}

contract(
  'services, hubs that close',
  (bus) => {
    it('calls - wait no more, until the hub is started again', async () => {
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

    it('calls to a key - that its owner hands back as both close reject at once', async () => {
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
  },
  { on: ['memory', 'unix'], speaking: [native] },
);
