import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { BusError, Client } from '../../../lib/index.ts';
import { rejected, sleep, until } from '../../support/buses.ts';
import { natsServer } from '../../support/nats-server.ts';
import { Galaxy, type Star } from './galaxy.ts';

(natsServer === undefined ? describe.skip : describe)('a world of clients', () => {
  let galaxy: Galaxy;
  let stars: Star[];
  let clients: Client[];
  let heard: string[];

  /** Two nodes with two clients each: 0 and 1 at the first, 2 and 3 at the second; 1 and 2 are in `red`. */
  beforeEach(async () => {
    galaxy = await Galaxy.open();
  });

  async function open(transparent = false): Promise<void> {
    stars = [await galaxy.star('eu-1', { transparent }), await galaxy.star('eu-2', { transparent })];
    const [a, b] = stars as [Star, Star];
    await until(() => a.world.nodes.length === 2);
    clients = [];
    heard = [];
    for (const star of [a, a, b, b]) {
      const number = clients.length;
      const client = await galaxy.client(star);
      client.on('message', (data) => void heard.push(`${number} ${String(data)}`));
      client.handle((data) => (data === 'hang' ? new Promise(() => {}) : `${number} ${String(data)}`));
      if (number === 1 || number === 2) star.server.connection(client.id ?? '')?.join('red');
      clients.push(client);
    }
  }

  afterEach(async () => {
    await galaxy.end();
  });

  const idOf = (number: number): string => `eu-${number < 2 ? 1 : 2}/${clients[number]?.id ?? ''}`;

  it('connections - are those of all nodes, with their groups', async () => {
    await open();
    const [a, b] = stars as [Star, Star];
    const listed = await b.world.connections();
    expect(listed.map(({ id }) => id)).to.have.members([0, 1, 2, 3].map(idOf));
    expect(listed.find(({ id }) => id === idOf(1))).to.deep.equal({ id: idOf(1), node: 'eu-1', groups: ['red'] });
    const [connection] = a.server.connections;
    if (connection === undefined) throw new Error('no connection');
    expect(a.world.idOf(connection)).to.equal(idOf(0));
  });

  it('broadcast - reaches all, a group, clients by their ids, and not those who are left out', async () => {
    await open();
    const [a] = stars as [Star];
    await a.world.broadcast('all');
    await a.world.broadcast('red', { to: 'red' });
    await a.world.broadcast('two', { to: [idOf(0), idOf(3)] });
    await a.world.broadcast('not red', { except: 'red' });
    await a.world.broadcast('not me', { except: a.server.connections[0] });
    await until(() => heard.length === 13);
    await sleep(30);
    const whoHeard = (what: string): string[] =>
      heard
        .filter((one) => one.endsWith(` ${what}`))
        .map(([number = '']) => number)
        .sort();
    expect(whoHeard('all')).to.deep.equal(['0', '1', '2', '3']);
    expect(heard.filter((one) => one.endsWith(' red') && !one.endsWith('not red')).sort()).to.deep.equal([
      '1 red',
      '2 red',
    ]);
    expect(whoHeard('two')).to.deep.equal(['0', '3']);
    expect(whoHeard('not red')).to.deep.equal(['0', '3']);
    expect(whoHeard('not me')).to.deep.equal(['1', '2', '3']);
  });

  it('broadcast - of many parts arrives whole; one that is too large is refused', async () => {
    await open();
    const [a] = stars as [Star];
    const large = 'x'.repeat(300_000);
    await a.world.broadcast(large);
    await until(() => heard.length === 4);
    expect(new Set(heard.map((one) => one.slice(2)))).to.deep.equal(new Set([large]));
    const codes: string[] = [];
    const circular: unknown[] = [];
    circular.push(circular);
    for (const [data, settings] of [
      ['x'.repeat(17_000_000), {}],
      [1, { to: 5 }],
      [1, { too: 'red' }],
      [circular, {}],
    ] as [unknown, object][]) {
      await a.world.broadcast(data, settings).catch(({ code }: BusError) => codes.push(code));
    }
    expect(codes).to.deep.equal(['ERR_TOO_LARGE', 'ERR_INVALID_ARGUMENT', 'ERR_INVALID_ARGUMENT', 'ERR_UNENCODABLE']);
  });

  it('survey - asks all or those meant, with the id of each; a stream ends with its quorum', async () => {
    await open();
    const [a, b] = stars as [Star, Star];
    const answers = await b.world.survey('who');
    expect(answers.map(({ id, value }) => [id, value])).to.have.deep.members(
      [0, 1, 2, 3].map((number) => [idOf(number), `${number} who`]),
    );
    const red = await a.world.survey('red', { to: 'red', timeout: 5_000 });
    expect(red.map(({ value }) => value)).to.deep.equal(['1 red', '2 red']);
    const late = await a.world.survey('hang', { to: [idOf(0), idOf(2)], timeout: 100 });
    expect(late.map(({ reason }) => reason?.code)).to.deep.equal(['ERR_TIMEOUT', 'ERR_TIMEOUT']);
    const first: string[] = [];
    for await (const { id } of a.world.surveyStream('first', { first: true })) first.push(id);
    expect(first).to.have.length(1);
    expect(await a.world.survey('nobody', { to: 'blue' })).to.deep.equal([]);
  });

  it('a client anywhere - gets messages in order, requests and pings, and is missed when it is gone', async () => {
    await open();
    const [a] = stars as [Star];
    const peer = a.world.peer(idOf(3));
    for (let number = 0; number < 20; number++) await peer.send(number);
    await peer.send('last', { confirm: true });
    expect(heard).to.deep.equal([...Array.from({ length: 20 }, (_, number) => `3 ${number}`), '3 last']);
    expect(await peer.request('ask')).to.equal('3 ask');
    expect(await peer.ping()).to.be.a('number');
    const codeOf = (promise: Promise<unknown>): Promise<string> =>
      promise.then(
        () => 'resolved',
        ({ code }: BusError) => code,
      );
    expect(await codeOf(peer.request('hang', 50))).to.equal('ERR_TIMEOUT');
    await clients[3]?.close();
    await until(() => stars[1]?.server.connections.length === 1);
    expect(await codeOf(peer.request('gone'))).to.equal('ERR_NO_MEMBER');
    expect(await codeOf(a.world.peer('eu-1/nobody').send('x', { confirm: true }))).to.equal('ERR_NO_MEMBER');
  });

  it('a client anywhere - is sent to with the settings of `send`, and what waits is given up in time', async () => {
    await galaxy.end();
    galaxy = await Galaxy.open({ maxUnackedBytes: 65_536 });
    await open();
    const [a] = stars as [Star];
    const to = a.world.peer(idOf(3));
    for (const settings of [
      { durable: true },
      { foo: 1 },
      { confirm: 'yes' },
      { signal: 5 },
      { timeout: -4 },
      'x',
      null,
    ]) {
      expect((await rejected(to.send('no', settings as never))).code).to.equal('ERR_INVALID_ARGUMENT');
    }
    expect((await rejected(to.send('no', { signal: AbortSignal.abort() }))).code).to.equal('ERR_ABORTED');
    expect(() => a.world.peer(`eu-2/${'x'.repeat(300)}`))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    const many = Array.from({ length: 100_001 }, () => 'red');
    expect((await rejected(a.world.broadcast('no', { to: many }))).code).to.equal('ERR_INVALID_ARGUMENT');
    expect((await rejected(a.world.survey('no', { to: many }))).code).to.equal('ERR_INVALID_ARGUMENT');
    await to.send('first', { timeout: 10_000 });
    await until(() => heard.length === 1);
    await galaxy.nats.kill();
    const part = 'x'.repeat(20_000);
    const sent = Array.from({ length: 8 }, () => to.send(part));
    for (const settings of [{ timeout: 300 }, { timeout: 300, confirm: true }]) {
      expect((await rejected(to.send('late', settings))).code).to.equal('ERR_TIMEOUT');
    }
    expect((await rejected(to.send('late', { signal: AbortSignal.timeout(100) }))).code).to.equal('ERR_ABORTED');
    await galaxy.nats.start();
    await Promise.all(sent);
    await to.send('last', { timeout: 20_000 });
    await until(() => heard.length === 10);
    expect(heard.filter((line) => !line.includes('xxx'))).to.deep.equal(['3 first', '3 last']);
  });

  it('a node that closes while it is asked - is one that is lost to a survey', async () => {
    await open();
    const [a, b] = stars as [Star, Star];
    const [near, far] = [idOf(0), idOf(3)];
    const survey = a.world.survey('hang', { to: [near, far], timeout: 2_000 });
    await sleep(200);
    await b.server.close();
    const codes = (await survey).map(({ id, reason }) => [id, reason?.code]);
    expect(codes).to.deep.equal([
      [near, 'ERR_TIMEOUT'],
      [far, 'ERR_NODE_LOST'],
    ]);
  });

  it('transparent - broadcast, survey and groups of the server mean the clients of all nodes', async () => {
    await open(true);
    const [a] = stars as [Star];
    await a.server.broadcast('all');
    await a.server.group('red').broadcast('red');
    await until(() => heard.length === 6);
    const red = await a.server.group('red').survey('who');
    expect(red.map(({ value, reason }) => value ?? reason?.message)).to.deep.equal(['1 who', '2 who']);
    const answers = await a.server.survey('who', { except: a.server.connections });
    expect(answers.map(({ value }) => value).sort()).to.deep.equal(['2 who', '3 who']);
    const ids: unknown[] = [];
    for await (const { peer } of a.server.surveyStream('who')) ids.push(peer.id);
    expect(ids).to.have.length(4);
    expect(a.server.connections).to.have.length(2);
  });
});
