import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Client } from '../../../lib/index.ts';
import type { ClusterOptions } from '../../../lib/plugins/cluster/index.ts';
import {
  type KeyedService,
  type Service,
  type ServiceContext,
  type Services,
  services,
  type ServicesHub,
} from '../../../lib/plugins/services/index.ts';
import { until } from '../../support/buses.ts';
import { natsServer } from '../../support/nats-server.ts';
import { Cut } from './cut.ts';
import { Galaxy, type Star } from './galaxy.ts';

interface Hub extends Star {
  readonly hub: ServicesHub;
}

interface Bee {
  readonly client: Client;
  readonly mine: Services;
}

interface Room {
  enter(number: number): Promise<string>;
  hang(): Promise<void>;
}

(natsServer === undefined ? describe.skip : describe)('services over nodes', () => {
  let galaxy: Galaxy;
  /** `opened` and `closed` keys of all owners: what, by whom, the key, the epoch. */
  let log: [what: 'open' | 'close' | 'lost', owner: string, key: string, epoch: number][];

  let hanging = 0;

  beforeEach(async () => {
    galaxy = await Galaxy.open();
    log = [];
    hanging = 0;
  });

  afterEach(async () => {
    await galaxy.end();
  });

  async function hubOf(node: string, options: Partial<ClusterOptions> = {}): Promise<Hub> {
    const star = galaxy.make(node, options);
    const hub = star.server.use(services({ waitMs: 2_000, closeMs: 2_000 }));
    await star.server.start();
    await star.world.ready;
    return { ...star, hub };
  }

  async function bee(of: Hub, name: string, prepare?: (mine: Services) => void): Promise<Bee> {
    let mine: Services | undefined;
    const client = await galaxy.client(of, {}, (made) => {
      mine = made.use(services({ name }));
      prepare?.(mine);
    });
    return { client, mine: mine as Services };
  }

  /** Rooms that say who has them and in which epoch, and count who enters. */
  function rooms(owner: string): KeyedService {
    return {
      open(key, state, { epoch }) {
        log.push(['open', owner, key, epoch]);
        const entered = (state as number[] | undefined) ?? [];
        return {
          entered,
          epoch,
          enter: (number: number) => `${owner} ${entered.push(number)}`,
          hang: () => new Promise(() => void (hanging += 1)),
        };
      },
      close(room, key) {
        log.push(['close', owner, key, (room as { epoch: number }).epoch]);
        return (room as { entered: number[] }).entered;
      },
      lost(room, key) {
        log.push(['lost', owner, key, (room as { epoch: number }).epoch]);
      },
    };
  }

  const room = ({ mine }: Bee): Service<Room> => mine.service<Room>('room');

  it('members - are known at all nodes, with their node before their id, and so is that they go', async () => {
    const a = await hubOf('eu-1');
    const b = await hubOf('eu-2');
    const heard: string[] = [];
    const watcher = await bee(a, 'watcher');
    watcher.mine.on('join', ({ name }) => void heard.push(`join ${name}`));
    watcher.mine.on('change', ({ name, meta }) => void heard.push(`change ${name} ${String(meta)}`));
    watcher.mine.on('leave', ({ name }, reason) => void heard.push(`leave ${name} ${reason}`));
    const worker = await bee(b, 'worker', (mine) => mine.provide('desk', {}));
    await until(() => heard.includes('join worker'));
    const [listed] = await watcher.mine.members('desk');
    expect(listed).to.include({ id: `eu-2/${worker.mine.id ?? ''}`, name: 'worker', state: 'up' });
    expect(a.hub.members().map(({ id, name }) => [id.split('/')[0], name])).to.deep.include(['eu-2', 'hub']);
    expect(a.hub.member('worker')?.services).to.deep.equal(['desk']);
    await worker.mine.setMeta('busy');
    await until(() => heard.includes('change worker busy'));
    await worker.client.close();
    await until(() => heard.includes('leave worker closed'));
    await bee(b, 'another');
    await until(() => heard.includes('join another'));
    await b.server.close();
    await until(() => heard.includes('leave another left') || heard.includes('leave another closed'));
    expect(a.hub.members().every(({ id }) => !id.includes('/'))).to.equal(true);
    expect([a.errors, b.errors]).to.deep.equal([[], []]);
  });

  it('a call - is answered at its own node where somebody there has time, and else at the one that is least busy', async () => {
    const [a, b, c] = [await hubOf('eu-1'), await hubOf('eu-2'), await hubOf('eu-3')];
    const gates: (() => void)[] = [];
    const desk = (node: string) => (mine: Services) =>
      void mine.provide(
        'desk',
        {
          who: ({ caller }: ServiceContext) => `${node} ${caller.name} ${caller.id.includes('/')}`,
          wait: () => new Promise<string>((resolve) => gates.push(() => resolve(node))),
        },
        { concurrency: 2 },
      );
    const caller = await bee(a, 'caller');
    const far = caller.mine.service<{ who(): string; wait(): string }>('desk');
    await bee(b, 'b', desk('b'));
    expect(await far.call.who()).to.equal('b caller true');
    await bee(c, 'c', desk('c'));
    await bee(a, 'a', desk('a'));
    await until(() => a.hub.members('desk').length === 3);
    for (let nth = 0; nth < 5; nth++) expect(await far.call.who()).to.equal('a caller false');
    // Two at the own node, then as many at each other one, then one that waits.
    const answers = Array.from({ length: 7 }, () => far.call.wait());
    await until(() => gates.length === 6);
    for (const gate of gates.splice(0)) gate();
    await until(() => gates.length === 1);
    gates[0]?.();
    const nodes = await Promise.all(answers);
    expect(nodes.slice(0, 6).sort()).to.deep.equal(['a', 'a', 'b', 'b', 'c', 'c']);
    const rows = await far.survey.who();
    expect(rows.map(({ value }) => value?.[0]).sort()).to.deep.equal(['a', 'b', 'c']);
    expect(rows.map(({ member }) => member.id.split('/')[0]).sort()).to.include.members(['eu-2', 'eu-3']);
  });

  it('a key - has one owner among all nodes, whoever calls it first, and its calls keep the order of their callers', async () => {
    const hubs = [await hubOf('eu-1'), await hubOf('eu-2'), await hubOf('eu-3')];
    for (const hub of hubs) await bee(hub, `${hub.node}-owner`, (mine) => void mine.own('room', rooms(hub.node)));
    const callers = await Promise.all(hubs.map((hub) => bee(hub, 'caller')));
    const keys = Array.from({ length: 40 }, (_, number) => `key ${number}`);
    const answers = await Promise.all(
      callers.flatMap((caller) =>
        keys.flatMap((key) => [1, 2, 3].map(async (number) => [key, await room(caller).key(key).call.enter(number)])),
      ),
    );
    for (const key of keys) {
      const said = answers.filter(([of]) => of === key).map(([, answer]) => answer?.split(' ') ?? []);
      expect(new Set(said.map(([owner]) => owner)).size, key).to.equal(1);
      expect(said.map(([, nth]) => Number(nth)).sort((one, other) => one - other)).to.deep.equal([
        1, 2, 3, 4, 5, 6, 7, 8, 9,
      ]);
      for (let caller = 0; caller < 3; caller++) {
        const [first, second, third] = said.slice(caller * 3, caller * 3 + 3).map(([, nth]) => Number(nth));
        expect([first, second, third], key).to.deep.equal(
          [first, second, third].sort((one = 0, other = 0) => one - other),
        );
      }
    }
    expect(log.length).to.equal(keys.length);
    expect(new Set(log.map(([, owner]) => owner)).size).to.equal(3);
  });

  it('an owner that goes - hands its keys to owners at other nodes, with their states, and what waits goes along', async () => {
    const [a, b] = [await hubOf('eu-1'), await hubOf('eu-2')];
    const first = await bee(a, 'first', (mine) => void mine.own('room', rooms('a')));
    const caller = room(await bee(a, 'caller'));
    for (const key of ['x', 'y', 'z']) expect(await caller.key(key).call.enter(1)).to.equal('a 1');
    await bee(b, 'second', (mine) => void mine.own('room', rooms('b')));
    await until(() => a.hub.members('room').length === 2);
    // Those that are open stay.
    expect(await caller.key('x').call.enter(2)).to.equal('a 2');
    const closing = first.client.close();
    const answers = await Promise.all(['x', 'y', 'z'].map((key) => caller.key(key).call.enter(3)));
    await closing;
    expect(answers).to.deep.equal(['b 3', 'b 2', 'b 2']);
    expect(a.hub.keys('room')).to.deep.equal([]);
    expect(b.hub.keys('room').sort()).to.deep.equal(['x', 'y', 'z']);
    const epochs = log.filter(([what, , key]) => what === 'open' && key === 'x').map(([, , , epoch]) => epoch);
    expect(epochs[1]).to.be.greaterThan(epochs[0] ?? Infinity);
  });

  it('keys - are moved to a member of this node from another one, and by rebalance to where they belong', async () => {
    const [a, b] = [await hubOf('eu-1'), await hubOf('eu-2')];
    await bee(a, 'first', (mine) => void mine.own('room', rooms('a')));
    const caller = room(await bee(a, 'caller'));
    const keys = Array.from({ length: 30 }, (_, number) => `key ${number}`);
    for (const key of keys) await caller.key(key).call.enter(1);
    const second = await bee(b, 'second', (mine) => void mine.own('room', rooms('b')));
    await until(() => a.hub.members('room').length === 2);
    let moved = 0;
    await until(async () => (moved += await a.hub.rebalance('room')) > 0);
    expect(moved).to.be.within(5, 25);
    expect(a.hub.keys('room').length).to.equal(30 - moved);
    await until(() => b.hub.keys('room').length === moved);
    const [key = ''] = a.hub.keys('room');
    await b.hub.move('room', key, second.mine.id ?? '');
    expect(b.hub.owner('room', key)?.name).to.equal('second');
    for (const one of keys) expect(await caller.key(one).call.enter(2)).to.match(/ 2$/);
    expect([a.errors, b.errors]).to.deep.equal([[], []]);
  });

  it('a node that dies - has its keys opened elsewhere; one that was cut off and is back lets go of those that others have', async () => {
    const a = await hubOf('eu-1');
    const cut = await Cut.open(galaxy.nats.port);
    const b = await hubOf('eu-2', { nats: { servers: `nats://127.0.0.1:${cut.port}` } });
    await bee(b, 'b', (mine) => void mine.own('room', rooms('b')));
    const [near, far] = [room(await bee(a, 'caller')), room(await bee(b, 'caller'))];
    expect(await near.key('x').call.enter(1)).to.equal('b 1');
    await bee(a, 'a', (mine) => void mine.own('room', rooms('a')));
    const late = near.key('x').call.hang();
    const outcome = late.then(
      () => 'answered',
      ({ code }: { code: string }) => code,
    );
    await until(() => hanging === 1);
    cut.off();
    expect(await outcome).to.equal('ERR_SESSION_LOST');
    expect(await near.key('x').call.enter(2)).to.equal('a 1');
    // It goes on with what it has.
    expect(await far.key('x').call.enter(2)).to.equal('b 2');
    cut.on();
    await until(() => log.some(([what, owner]) => what === 'lost' && owner === 'b'));
    expect(await far.key('x').call.enter(3)).to.equal('a 2');
    const opened = log.filter(([what]) => what === 'open').map(([, owner, , epoch]) => [owner, epoch] as const);
    expect(opened.map(([owner]) => owner)).to.deep.equal(['b', 'a']);
    expect(opened[1]?.[1]).to.be.greaterThan(opened[0]?.[1] ?? Infinity);
    await cut.close();
  });
});
