import { expect } from 'chai';
import { it } from 'mocha';
import type { BusError } from '../../../lib/index.ts';
import { contract, native, rejected, until } from '../../support/buses.ts';
import { Gate, Hive } from './hive.ts';

interface Finder {
  find(): string;
}

/** Has a member's session end, and resolves when it is a member again. */
async function again({ server, hub }: Hive, name: string): Promise<readonly string[]> {
  const before = hub.member(name)?.id;
  server.connections.find(({ id }) => id === before)?.destroy('lost');
  await until(() => hub.member(name) !== undefined && hub.member(name)?.id !== before);
  return hub.member(name)!.services;
}

contract(
  'services, what is offered in which session',
  (bus) => {
    it('offers - that the hub refused are not made again, and keep nobody out', async () => {
      const hive = await Hive.open(bus(), { maxServices: 2 });
      const { mine } = await hive.member({ name: 'one' });
      const errors: string[] = [];
      mine.on('error', (error) => errors.push((error as BusError).code));
      for (const name of ['first', 'second', 'third']) mine.provide(name, {});
      await until(() => errors.length === 1);
      expect(await again(hive, 'one')).to.deep.equal(['first', 'second']);
      mine.provide('third', {});
      await until(() => errors.length === 2);
      expect(errors).to.deep.equal(['ERR_QUEUE_FULL', 'ERR_QUEUE_FULL']);
    });

    it('offers - that were taken back as the session ended are not made again', async () => {
      const hive = await Hive.open(bus());
      const closing = new Gate();
      const closed = new Gate();
      const { mine } = await hive.member({ name: 'one' });
      const errors: string[] = [];
      mine.on('error', (error) => errors.push((error as BusError).code));
      mine.provide('find', {});
      const owned = mine.own('room', {
        open: () => ({ find: () => 'found' }),
        close: () => {
          closing.open();
          return closed.passed;
        },
      });
      expect(await hive.hub.service<Finder>('room').key('17').call.find()).to.equal('found');
      owned.dispose();
      await closing.passed;
      expect(await again(hive, 'one')).to.deep.equal(['find']);
      closed.open();
      expect(errors).to.deep.equal(['ERR_SESSION_LOST']);
      expect(bus().takeErrors()).to.deep.equal(['ERR_REMOTE']);
    });

    it('a name - can be offered in the other way when the first offer is gone', async () => {
      const hive = await Hive.open(bus());
      const { mine } = await hive.member({ name: 'one' });
      const first = mine.provide('find', { find: () => 'by call' });
      expect(await hive.hub.service<Finder>('find').call.find()).to.equal('by call');
      first.dispose();
      await until(() => !hive.hub.member('one')!.services.includes('find'));
      mine.own('find', { open: () => ({ find: () => 'by key' }) });
      await until(() => hive.hub.member('one')!.services.includes('find'));
      expect(await hive.hub.service<Finder>('find').key('1').call.find()).to.equal('by key');
    });

    it('surveys - are of services without keys', async () => {
      const hive = await Hive.open(bus());
      const { mine } = await hive.member({ name: 'one' });
      mine.own('room', { open: () => ({ find: () => 'found' }) });
      await until(() => hive.hub.members('room').length === 1);
      for (const { survey } of [mine.service<Finder>('room'), hive.hub.service<Finder>('room')]) {
        expect((await rejected(survey.find())).code).to.equal('ERR_INVALID_ARGUMENT');
      }
    });
  },
  { on: ['memory', 'unix'], speaking: [native] },
);
