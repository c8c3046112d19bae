import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { BusError } from '../../../lib/index.ts';
import { sleep, until } from '../../support/buses.ts';
import { Nats, natsServer } from '../../support/nats-server.ts';
import { freePort } from '../../support/nginx.ts';
import { Cut } from './cut.ts';
import { Galaxy, type Star } from './galaxy.ts';

const hourMs = 3_600_000;
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    ({ code }: BusError) => code,
  );
const stateOf = ({ world }: Star, node: string): string | undefined => world.nodes.find(({ id }) => id === node)?.state;

(natsServer === undefined ? describe.skip : describe)('nodes of a cluster', () => {
  let galaxy: Galaxy;

  beforeEach(async () => {
    galaxy = await Galaxy.open();
  });

  afterEach(async () => {
    await galaxy.end();
  });

  it('joining - each node knows the others when it is ready, and says so once', async () => {
    const a = await galaxy.star('eu-1');
    const b = await galaxy.star('eu-2');
    const c = await galaxy.star('us-1');
    expect(c.world.nodes[0]?.id).to.equal('us-1');
    await until(() => a.world.nodes.length === 3 && b.world.nodes.length === 3 && c.world.nodes.length === 3);
    expect(c.world.nodes.map(({ id, state }) => `${id} ${state}`)).to.have.members(['us-1 up', 'eu-1 up', 'eu-2 up']);
    expect(c.heard).to.have.members(['eu-1 up', 'eu-2 up']);
    expect(a.world.status).to.equal('joined');
    const client = await galaxy.client(a);
    await until(() => b.world.nodes.find(({ id }) => id === 'eu-1')?.connections === 1);
    await client.close();
  });

  it('leaving - a node that closes is left, and is up again as another incarnation', async () => {
    const a = await galaxy.star('eu-1');
    const b = await galaxy.star('eu-2');
    const [, first] = a.world.nodes;
    await b.server.close();
    await until(() => stateOf(a, 'eu-2') === 'left');
    expect(b.world.status).to.equal('closed');
    expect(await codeOf(a.world.peer('eu-2').send('late'))).to.equal('ERR_NODE_LOST');
    await galaxy.star('eu-2');
    await until(() => stateOf(a, 'eu-2') === 'up');
    expect(a.world.nodes).to.have.length(2);
    expect(a.world.nodes[1]?.incarnation).to.be.greaterThan(first?.incarnation ?? 0);
    expect(a.heard).to.deep.equal(['eu-2 up', 'eu-2 left', 'eu-2 up']);
  });

  it('names - a second node of a name is refused, and the first one stays', async () => {
    const a = await galaxy.star('eu-1');
    const second = galaxy.make('eu-1');
    await second.server.start();
    expect(await codeOf(second.world.ready)).to.equal('ERR_NAME_TAKEN');
    expect(second.world.status).to.equal('refused');
    expect(await codeOf(second.world.broadcast('no'))).to.equal('ERR_CLOSED');
    expect(a.world.status).to.equal('joined');
    const both = [galaxy.make('eu-2'), galaxy.make('eu-2')];
    for (const { server } of both) await server.start();
    const codes = await Promise.all(both.map(({ world }) => codeOf(world.ready)));
    expect(codes.sort()).to.deep.equal(['ERR_NAME_TAKEN', 'resolved']);
  });

  it('no NATS - the server starts, ready rejects, and the node joins when NATS is there', async () => {
    await galaxy.nats.kill();
    const a = galaxy.make('eu-1', { joinTimeoutMs: 300 });
    await a.server.start();
    expect(await codeOf(a.world.ready)).to.equal('ERR_CLUSTER_UNREACHABLE');
    expect(a.world.status).to.equal('joining');
    const client = await galaxy.client(a);
    a.server.handle((data) => data);
    expect(await client.request('local')).to.equal('local');
    expect(await codeOf(a.world.peer('eu-2').send('x'))).to.equal('ERR_NO_MEMBER');
    await galaxy.nats.start();
    await until(() => a.world.status === 'joined');
  });

  it('options - are refused with their names', async () => {
    const port = await freePort();
    const wrong = (options: object): string => {
      try {
        galaxy.make('eu-1', { nats: { servers: `nats://127.0.0.1:${port}` }, ...options });
        return 'taken';
      } catch (error) {
        return (error as BusError).message;
      }
    };
    expect(wrong({ node: 'eu.1' })).to.contain('"node"');
    expect(wrong({ name: '' })).to.contain('"name"');
    expect(wrong({ secret: 'short' })).to.contain('"secret"');
    expect(wrong({ heartbeatMs: 1_000, deadAfterMs: 2_000 })).to.contain('"deadAfterMs"');
  });

  it('a secret - nodes without it, or with another one, are strangers', async () => {
    const secret = 'sixteen bytes or more';
    const a = await galaxy.star('eu-1', { secret });
    const b = await galaxy.star('eu-2', { secret });
    const without = await galaxy.star('eu-3');
    const other = await galaxy.star('eu-4', { secret: 'another one of those' });
    await until(() => a.world.nodes.length === 2);
    await sleep(500);
    expect(a.world.nodes.map(({ id }) => id)).to.deep.equal(['eu-1', 'eu-2']);
    for (const { world } of [without, other]) expect(world.nodes).to.have.length(1);
    a.world.handle((data, { from }) => [data, from]);
    expect(await b.world.peer('eu-1').request('hello')).to.deep.equal(['hello', 'eu-2']);
  });

  it('a killed node - is known as soon as NATS knows, where something is on its way to it and elsewhere', async () => {
    const a = await galaxy.star('eu-1', { deadAfterMs: 1_800, heartbeatMs: 600 });
    const b = await galaxy.star('eu-2', { deadAfterMs: 1_800, heartbeatMs: 600 });
    const child = await galaxy.process('eu-3');
    await until(() => stateOf(a, 'eu-3') === 'up' && stateOf(b, 'eu-3') === 'up');
    expect(await a.world.peer('eu-3').request('who')).to.equal('eu-3');
    const [client] = (await a.world.connections()).filter(({ node }) => node === 'eu-3');
    const waiting = [a.world.peer('eu-3').request('hang'), a.world.peer(client?.id ?? '').request('hang')];
    const survey = a.world.survey('hang', { to: client?.id ?? '' });
    await sleep(100);
    const undelivered: unknown[] = [];
    a.world.on('undelivered', (messages) => void undelivered.push(...messages));
    child.kill('SIGSTOP');
    await a.world.peer('eu-3').send('to the node');
    await a.world.peer(client?.id ?? '').send('to the client');
    const whys: string[] = [];
    for (const { world } of [a, b]) world.on('node', ({ reason }) => void whys.push(reason));
    child.kill('SIGKILL');
    for (const request of waiting) expect(await codeOf(request)).to.equal('ERR_NODE_LOST');
    const [answer] = await survey;
    expect([answer?.id, answer?.reason?.code]).to.deep.equal([client?.id, 'ERR_NODE_LOST']);
    await until(() => stateOf(b, 'eu-3') === 'dead');
    expect(undelivered).to.have.deep.members([
      { id: 'eu-3', data: 'to the node' },
      { id: client?.id, data: 'to the client' },
    ]);
    expect(whys).to.deep.equal(['its process has ended', 'its process has ended']);
  });

  it('a stopped node - is suspect, then dead, and up again with the same incarnation when it goes on', async () => {
    const a = await galaxy.star('eu-1');
    const child = await galaxy.process('eu-2');
    await until(() => stateOf(a, 'eu-2') === 'up');
    const [, before] = a.world.nodes;
    child.kill('SIGSTOP');
    await until(() => stateOf(a, 'eu-2') === 'dead');
    child.kill('SIGCONT');
    await until(() => stateOf(a, 'eu-2') === 'up');
    expect(a.heard).to.deep.equal(['eu-2 up', 'eu-2 suspect', 'eu-2 dead', 'eu-2 up']);
    expect(a.world.nodes[1]?.incarnation).to.equal(before?.incarnation);
    expect(await a.world.peer('eu-2').request('again')).to.equal('eu-2');
  });

  it('a busy node - is suspect and loses nothing, and takes nobody for dead itself', async () => {
    const a = await galaxy.star('eu-1', { deadAfterMs: 20_000 });
    const child = await galaxy.process('eu-2');
    await until(() => stateOf(a, 'eu-2') === 'up');
    child.send(1_500);
    await sleep(100);
    expect(await a.world.peer('eu-2').request('after that')).to.equal('eu-2');
    await until(() => stateOf(a, 'eu-2') === 'up');
    expect(a.heard).to.deep.equal(['eu-2 up', 'eu-2 suspect', 'eu-2 up']);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  it('a node that loses its own connection - is not dead while its process is there, and misses nothing', async () => {
    const a = await galaxy.star('eu-1');
    const cut = await Cut.open(galaxy.nats.port);
    const b = await galaxy.star('eu-2', { nats: { servers: `nats://127.0.0.1:${cut.port}` } });
    await until(() => stateOf(a, 'eu-2') === 'up');
    const got: unknown[] = [];
    b.world.on('message', (data) => void got.push(data));
    const statuses: string[] = [];
    b.world.on('status', (status) => void statuses.push(status));
    // As long as a node may be missing where the two are on different machines, and longer.
    await sleep(1_300);
    for (let nth = 0; nth < 20; nth++) await a.world.peer('eu-2').send(nth);
    cut.off();
    for (let nth = 20; nth < 40; nth++) await a.world.peer('eu-2').send(nth);
    await sleep(150);
    cut.on();
    await until(() => got.length === 40);
    expect(got).to.deep.equal([...Array(40).keys()]);
    expect(a.heard.filter((heard) => heard.endsWith('dead'))).to.deep.equal([]);
    expect(statuses).to.deep.equal(['isolated', 'joined']);
    await cut.close();
  });

  it('clocks an hour apart - nodes are up, ask each other, and one comes back with a clock that was set back', async () => {
    const a = await galaxy.star('eu-1');
    a.world.handle((_data, { deadline }) => deadline);
    for (const aheadMs of [hourMs, -hourMs]) {
      const child = await galaxy.process('eu-2', aheadMs);
      await until(() => stateOf(a, 'eu-2') === 'up');
      expect(Math.abs((a.world.nodes[1]?.incarnation ?? 0) / 1_000 - aheadMs - Date.now())).to.be.lessThan(hourMs / 2);
      expect(await a.world.peer('eu-2').request('ask back', 20_000)).to.be.within(1, 20_000);
      const [client] = (await a.world.connections()).filter(({ node }) => node === 'eu-2');
      expect(await a.world.peer(client?.id ?? '').request('who', 20_000)).to.equal('eu-2');
      await sleep(700);
      expect(stateOf(a, 'eu-2')).to.equal('up');
      child.kill('SIGKILL');
      await until(() => stateOf(a, 'eu-2') === 'dead');
    }
    expect(a.heard.filter((line) => !line.endsWith('suspect'))).to.deep.equal([
      'eu-2 up',
      'eu-2 dead',
      'eu-2 up',
      'eu-2 dead',
    ]);
  });

  (existsSync('/dev/full') ? it : it.skip)(
    'a full disk at NATS - nodes speak, as nothing of theirs is kept there',
    async () => {
      const nats = await Nats.start('-DV', '-l', '/dev/full');
      try {
        const servers = nats.url;
        const a = await galaxy.star('eu-1', { nats: { servers } });
        const b = await galaxy.star('eu-2', { nats: { servers } });
        a.world.handle((data) => data);
        expect(await b.world.peer('eu-1').request('hello')).to.equal('hello');
        expect([...a.errors, ...b.errors]).to.deep.equal([]);
      } finally {
        await nats.kill();
      }
    },
  );

  it('a server that is closed and started again - is a node again, as another incarnation, with all it had', async () => {
    const a = await galaxy.star('eu-1');
    const b = await galaxy.star('eu-2');
    b.world.handle((data) => `again ${String(data)}`);
    await until(() => stateOf(a, 'eu-2') === 'up');
    const [, first] = a.world.nodes;
    await b.server.close();
    await until(() => stateOf(a, 'eu-2') === 'left');
    await b.server.start();
    await b.world.ready;
    await until(() => stateOf(a, 'eu-2') === 'up');
    expect(a.world.nodes[1]?.incarnation).to.be.greaterThan(first?.incarnation ?? Infinity);
    expect(await a.world.peer('eu-2').request('x')).to.equal('again x');
    expect(b.world.nodes.map(({ id, state }) => `${id} ${state}`)).to.deep.equal(['eu-2 up', 'eu-1 up']);
  });
});
