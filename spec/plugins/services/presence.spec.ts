import { expect } from 'chai';
import { it } from 'mocha';
import { type BusError, ClientStatus } from '../../../lib/index.ts';
import { type Member, services, type ServicesEvents } from '../../../lib/plugins/services/index.ts';
import { contract, native, rejected, turn, until } from '../../support/buses.ts';
import { Gate, Hive } from './hive.ts';

const brief = ({ name, services: offered, state, meta }: Member): unknown[] => [name, offered.join(), state, meta];

interface Watchable {
  on<Event extends keyof ServicesEvents>(event: Event, listener: ServicesEvents[Event]): unknown;
}

function watched(watcher: Watchable): string[] {
  const log: string[] = [];
  watcher.on('join', ({ name }) => log.push(`${name} joins`));
  watcher.on('leave', ({ name }, reason) => log.push(`${name} leaves: ${reason}`));
  watcher.on('change', ({ name, state, meta }) => log.push(`${name} changes: ${state} ${JSON.stringify(meta)}`));
  return log;
}

contract(
  'services, who is here',
  (bus) => {
    it('members - are at hand at the hub, and members ask for them', async () => {
      const hive = await Hive.open(bus());
      const startedAt = Date.now();
      const one = await hive.member({ name: 'one', meta: { zone: 'eu' } }, (mine) => {
        mine.provide('find', { find: () => 1 });
        mine.own('room', { open: () => ({}) });
      });
      const two = await hive.member();
      hive.hub.provide('log', { write: () => undefined });
      const all = await two.mine.members();
      expect(all.map(brief)).to.deep.equal([
        ['hub', 'log', 'up', undefined],
        ['one', 'find,room', 'up', { zone: 'eu' }],
        [two.client.id, '', 'up', undefined],
      ]);
      expect(hive.hub.members()).to.deep.equal(all);
      expect((await two.mine.members('find')).map(({ name }) => name)).to.deep.equal(['one']);
      expect(hive.hub.members('room').map(({ id }) => id)).to.deep.equal([one.client.id]);
      expect(await two.mine.member('one')).to.deep.equal(hive.hub.member('one'));
      expect(await two.mine.member('nobody')).to.equal(undefined);
      expect(hive.hub.member('nobody')).to.equal(undefined);
      for (const { since } of all) expect(since).to.be.within(startedAt - 60_000, Date.now());
      expect(one.mine.id).to.equal(one.client.id);
      expect((await rejected(two.mine.member(''))).code).to.equal('ERR_INVALID_ARGUMENT');
      expect((await rejected(two.mine.members('x'.repeat(257)))).code).to.equal('ERR_INVALID_ARGUMENT');
    });

    it('events - tell at the hub and at members who comes, goes and changes', async () => {
      const hive = await Hive.open(bus());
      const atHub = watched(hive.hub);
      const one = await hive.member({ name: 'one' });
      const atOne = watched(one.mine);
      await one.mine.members();
      const two = await hive.member({ name: 'two', meta: 1 });
      for (let meta = 2; meta <= 20; meta += 1) void two.mine.setMeta(meta);
      await two.mine.setMeta(21);
      expect(hive.hub.member('two')?.meta).to.equal(21);
      two.mine.provide('find', { find: () => 1 });
      await until(() => hive.hub.members('find').length === 1);
      await until(() => atOne.includes('two changes: up 21'));
      await two.client.close('bye');
      await until(() => atOne.at(-1)?.startsWith('two leaves') === true && atHub.length >= atOne.length + 1);
      expect(atHub[0]).to.equal('one joins');
      expect(atHub.slice(1)).to.deep.equal(atOne);
      expect(atOne[0]).to.equal('two joins');
      expect(atOne.at(-1)).to.equal('two leaves: bye');
      const changes = atOne.slice(1, -1);
      expect(changes.length).to.be.within(1, 6);
      expect(hive.hub.member('two')).to.equal(undefined);
    });

    it('links - that break leave a member away, and up again', async () => {
      const hive = await Hive.open(bus());
      const log = watched(hive.hub);
      const { client } = await hive.member({ name: 'one' });
      bus().cut(hive.server.connections[0]!);
      await until(() => log.length >= 3 && client.status === ClientStatus.READY);
      expect(log).to.deep.equal(['one joins', 'one changes: away null', 'one changes: up null'].map(undefinedMeta));
    });

    it('names - are one member’s at a time', async () => {
      const hive = await Hive.open(bus());
      await hive.member({ name: 'one' });
      const second = hive.bee({ name: 'one' });
      const refused = await rejected(second.client.connect());
      expect(refused.code).to.equal('ERR_NAME_TAKEN');
      expect(second.client.status).to.equal(ClientStatus.IDLE);
      await until(() => hive.server.connections.length === 1);
      const asHub = hive.bee({ name: 'hub', takeOver: true });
      expect((await rejected(asHub.client.connect())).code).to.equal('ERR_NAME_TAKEN');
      expect(hive.hub.members().length).to.equal(2);
      for (const name of ['', 'x'.repeat(257), 5]) {
        expect(() => services({ name: name as never }).install({ side: 'client' } as never))
          .to.throw()
          .with.property('code', 'ERR_INVALID_OPTION');
      }
    });

    it('names - are taken over where that is asked for: the other one stays connected, and is no member', async () => {
      const hive = await Hive.open(bus());
      const log = watched(hive.hub);
      const first = await hive.member({ name: 'one' }, (mine) => mine.provide('find', { find: () => 'first' }));
      const errors: BusError[] = [];
      first.mine.on('error', (error) => errors.push(error as BusError));
      const second = await hive.member({ name: 'one', takeOver: true }, (mine) =>
        mine.provide('find', { find: () => 'second' }),
      );
      await until(() => errors.length === 1);
      expect(errors[0]?.code).to.equal('ERR_NAME_TAKEN');
      expect(log).to.deep.equal(['one joins', 'one leaves: replaced', 'one joins']);
      expect(hive.hub.member('one')?.id).to.equal(second.client.id);
      expect(await hive.hub.service<{ find(): string }>('find').call.find()).to.equal('second');
      expect(first.client.status).to.equal(ClientStatus.READY);
      expect((await rejected(first.mine.service<{ find(): string }>('find').call.find())).code).to.equal('ERR_STATE');
      await first.client.close();
      await until(() => hive.server.connections.length === 1);
      expect(hive.hub.member('one')?.id).to.equal(second.client.id);
    });

    it('names - of members that are away are free', async () => {
      const hive = await Hive.open(bus(), {}, { sessionGraceMs: 10_000 });
      const mayReturn = new Gate();
      let isAway = false;
      const first = hive.bee({ name: 'one' });
      const errors: BusError[] = [];
      first.mine.on('error', (error) => errors.push(error as BusError));
      await first.client.connect(() => (isAway ? mayReturn.passed : undefined));
      isAway = true;
      bus().cut(hive.server.connections[0]!);
      await until(() => hive.hub.member('one')?.state === 'away');
      const second = await hive.member({ name: 'one' });
      expect(hive.hub.member('one')?.id).to.equal(second.client.id);
      mayReturn.open();
      await until(() => errors.length === 1);
      expect(errors[0]?.code).to.equal('ERR_NAME_TAKEN');
    });

    it('sessions - that follow one that was lost join again, with what is offered by then', async () => {
      const hive = await Hive.open(bus());
      const { mine, client } = await hive.member({ name: 'one', meta: 1 });
      mine.provide('find', { find: () => 'found' });
      await mine.setMeta(2);
      const log = watched(mine);
      await mine.members();
      const before = hive.hub.member('one')?.id;
      hive.server.connections[0]?.destroy('lost');
      await until(() => hive.hub.member('one') !== undefined && hive.hub.member('one')?.id !== before);
      expect(brief(hive.hub.member('one')!)).to.deep.equal(['one', 'find', 'up', 2]);
      await until(() => client.status === ClientStatus.READY);
      await hive.member({ name: 'two' });
      await until(() => log.includes('two joins'));
    });

    it('meta - that is no data, or too much, is refused', async () => {
      const hive = await Hive.open(bus(), { maxMembers: 2 });
      const { mine } = await hive.member({ name: 'one' });
      expect((await rejected(mine.setMeta({ f: () => 1 }))).code).to.equal('ERR_UNENCODABLE');
      expect((await rejected(mine.setMeta('x'.repeat(70_000)))).code).to.equal('ERR_TOO_LARGE');
      expect((await rejected(hive.hub.setMeta('x'.repeat(70_000)))).code).to.equal('ERR_TOO_LARGE');
      await hive.hub.setMeta('fine');
      await turn();
      expect((await mine.member('hub'))?.meta).to.equal('fine');
      await hive.member({ name: 'two' });
      expect((await rejected(hive.bee({ name: 'three' }).client.connect())).code).to.equal('ERR_QUEUE_FULL');
    });

    it('servers - that are no hub let no member in', async () => {
      await bus().server();
      const client = bus().newClient();
      client.use(services({ name: 'one' }));
      expect((await rejected(client.connect())).code).to.equal('ERR_PEER_LACKS_FEATURE');
      expect(() =>
        bus()
          .newClient()
          .use(services({ waitMs: 5 })),
      )
        .to.throw()
        .with.property('code', 'ERR_INVALID_OPTION');
      expect(() =>
        bus()
          .newServer()
          .use(services({ name: 'hub' })),
      )
        .to.throw()
        .with.property('code', 'ERR_INVALID_OPTION');
    });
  },
  { on: ['memory', 'unix'], speaking: [native] },
);

/** A member without meta has undefined. */
function undefinedMeta(line: string): string {
  return line.replace('null', 'undefined');
}
