import { once } from 'node:events';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Galaxy } from '../plugins/cluster/galaxy.ts';
import { sleep, until } from '../support/buses.ts';
import { natsServer } from '../support/nats-server.ts';
import { figure } from './figures.ts';
import { Tally } from './tally.ts';

(natsServer === undefined ? describe.skip : describe)('a cluster whose parts are killed', () => {
  let galaxy: Galaxy;

  beforeEach(async () => {
    galaxy = await Galaxy.open({ heartbeatMs: 1_000, deadAfterMs: 5_000, secret: 'the secret of all nodes' });
  });

  afterEach(async () => {
    await galaxy.end();
  });

  it('ten SIGKILLs of nats-server under load - nothing is lost, doubled or out of order', async () => {
    const [a, b, c] = [await galaxy.star('eu-1'), await galaxy.star('eu-2'), await galaxy.star('us-1')];
    await until(() => [a, b, c].every(({ world }) => world.nodes.length === 3));
    const tallies = Array.from({ length: 4 }, () => new Tally());
    const [there, back, first, second] = tallies as [Tally, Tally, Tally, Tally];
    b.world.on('message', (data) => there.note(Number(data)));
    a.world.on('message', (data) => back.note(Number(data)));
    (await galaxy.client(b)).on('message', (data) => first.note(Number(data)));
    (await galaxy.client(c)).on('message', (data) => second.note(Number(data)));
    let sent = 0;
    let over = false;
    const load = async (): Promise<void> => {
      for (; !over; await sleep(2)) {
        for (let count = 0; count < 20; count++) {
          await a.world.peer('eu-2').send(sent);
          await b.world.peer('eu-1').send(sent);
          await a.world.broadcast(sent);
          sent += 1;
        }
      }
    };
    const loaded = load();
    for (let kills = 0; kills < 10; kills++) {
      await sleep(700);
      await galaxy.nats.kill();
      await sleep(50 * kills);
      await galaxy.nats.start();
      await until(() => [a, b, c].every(({ world }) => world.status === 'joined'));
    }
    over = true;
    await loaded;
    await until(() => tallies.every(({ taken }) => taken === sent));
    for (const { figures } of tallies)
      expect(figures).to.deep.equal({ taken: sent, lost: 0, doubled: 0, outOfOrder: 0 });
    figure('cluster: 10 SIGKILLs of nats-server', { messages: 4 * sent, lost: 0, doubled: 0, outOfOrder: 0 });
  }).timeout(300_000);

  it('100 kills and restarts of nodes - nothing is stale', async () => {
    const a = await galaxy.star('eu-1');
    const b = await galaxy.star('eu-2');
    const slowest: number[] = [];
    for (let kills = 0; kills < 100; kills++) {
      const child = await galaxy.process(`us-${kills % 3}`);
      await until(() =>
        [a, b].every(({ world }) => world.nodes.some(({ id, state }) => id === `us-${kills % 3}` && state === 'up')),
      );
      const asked = a.world.peer(`us-${kills % 3}`).request('hang', 60_000);
      await sleep(20);
      const killedAt = performance.now();
      child.kill('SIGKILL');
      const code = await asked.then(
        () => 'resolved',
        (error: { code: string }) => error.code,
      );
      slowest.push(performance.now() - killedAt);
      expect(code).to.equal('ERR_NODE_LOST');
      if (child.signalCode === null) await once(child, 'exit');
    }
    await until(() => b.world.nodes.filter(({ state }) => state === 'dead').length === 3);
    slowest.sort((one, other) => one - other);
    figure('cluster: a request to a killed node rejects after', {
      medianMs: slowest[50] ?? 0,
      slowestMs: slowest[99] ?? 0,
    });
    expect(a.world.nodes.map(({ id, state }) => `${id} ${state}`).sort()).to.deep.equal([
      'eu-1 up',
      'eu-2 up',
      'us-0 dead',
      'us-1 dead',
      'us-2 dead',
    ]);
    expect(await a.world.connections()).to.deep.equal([]);
  }).timeout(900_000);
});
