import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { sleep, until } from '../../support/buses.ts';
import { natsServer } from '../../support/nats-server.ts';
import { Tally } from '../../reliability/tally.ts';
import { Galaxy, type Star } from './galaxy.ts';

(natsServer === undefined ? describe.skip : describe)('links between nodes', () => {
  let galaxy: Galaxy;
  let a: Star;
  let b: Star;

  beforeEach(async () => {
    galaxy = await Galaxy.open({ secret: 'the secret of all nodes' });
    a = await galaxy.star('eu-1');
    b = await galaxy.star('eu-2');
    await until(() => a.world.nodes.length === 2);
  });

  afterEach(async () => {
    await galaxy.end();
  });

  it('NATS killed under load - messages and broadcasts arrive once and in order, at both ends and all nodes', async () => {
    const c = await galaxy.star('eu-3');
    await until(() => a.world.nodes.length === 3 && b.world.nodes.length === 3);
    const there = new Tally();
    const back = new Tally();
    const broadcasts = [new Tally(), new Tally()];
    b.world.on('message', (data) => there.note(Number(data)));
    a.world.on('message', (data) => back.note(Number(data)));
    for (const [at, star] of [b, c].entries()) {
      const client = await galaxy.client(star);
      client.on('message', (data) => broadcasts[at]?.note(Number(data)));
    }
    let sent = 0;
    let over = false;
    const load = async (): Promise<void> => {
      for (; !over; await sleep(4)) {
        for (let count = 0; count < 20; count++) {
          await a.world.peer('eu-2').send(sent);
          await b.world.peer('eu-1').send(sent);
          if (count % 4 === 0) await a.world.broadcast(sent / 4);
          sent += 1;
        }
      }
    };
    const loaded = load();
    for (let kills = 0; kills < 3; kills++) {
      await sleep(400);
      await galaxy.nats.kill();
      await sleep(150);
      await galaxy.nats.start();
      await until(() => [a, b, c].every(({ world }) => world.status === 'joined'));
    }
    over = true;
    await loaded;
    await until(() => there.taken === sent && back.taken === sent);
    await until(() => broadcasts.every(({ taken }) => taken === sent / 4));
    for (const { figures } of [there, back, ...broadcasts]) {
      expect(figures).to.deep.equal({ taken: figures.taken, lost: 0, doubled: 0, outOfOrder: 0 });
    }
    expect([...a.heard, ...b.heard].filter((heard) => heard.endsWith('dead'))).to.deep.equal([]);
  });

  it('NATS away - the local bus goes on, sends wait within limits, and arrive when it is back', async () => {
    const client = await galaxy.client(a);
    a.server.handle((data) => data);
    const got: unknown[] = [];
    b.world.on('message', (data) => void got.push(data));
    await a.world.peer('eu-2').send('before', { confirm: true });
    const statuses: string[] = [];
    a.world.on('status', (status) => void statuses.push(status));
    await galaxy.nats.kill();
    await until(() => a.world.status === 'isolated');
    expect(await client.request('local')).to.equal('local');
    await a.world.peer('eu-2').send('meanwhile');
    const confirmed = a.world.peer('eu-2').send('and this', { confirm: true });
    const large = Buffer.alloc(1_048_576);
    const waits = Array.from({ length: 8 }, () => a.world.peer('eu-2').send(large));
    expect(await Promise.race([Promise.all(waits), sleep(100).then(() => 'waits')])).to.equal('waits');
    await galaxy.nats.start();
    await confirmed;
    await Promise.all(waits);
    await until(() => got.length === 3 + waits.length);
    expect(got.slice(0, 3)).to.deep.equal(['before', 'meanwhile', 'and this']);
    expect(statuses).to.deep.equal(['isolated', 'joined']);
  });

  it('a large message - arrives whole, and as what it was', async () => {
    const bytes = Buffer.alloc(5_000_000, 7);
    const got: unknown[] = [];
    b.world.on('message', (data) => void got.push(data));
    await a.world.peer('eu-2').send(bytes, { confirm: true });
    expect(bytes.equals(got[0] as Buffer)).to.equal(true);
  });

  it('a slow node - has its senders wait, and nobody else', async () => {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    b.world.handle(() => gate);
    const asked = Array.from({ length: 50 }, () => a.world.peer('eu-2').request('wait'));
    expect(await a.world.peer('eu-2').ping()).to.be.a('number');
    open();
    expect(await Promise.all(asked)).to.have.length(50);
  });

  it('a message that nobody handles - is ERR_NO_HANDLER where it is confirmed, and one that fails is its error', async () => {
    const codeOf = async (promise: Promise<unknown>): Promise<string> =>
      promise.then(
        () => 'resolved',
        ({ code }: { code: string }) => code,
      );
    const peer = a.world.peer('eu-2');
    expect(await codeOf(peer.send(1, { confirm: true }))).to.equal('ERR_NO_HANDLER');
    expect(await codeOf(peer.request(1))).to.equal('ERR_NO_HANDLER');
    b.world.handle(() => {
      throw Object.assign(new Error('no'), { code: 'E_OWN' });
    });
    expect(await codeOf(peer.request(1))).to.equal('E_OWN');
    expect(await codeOf(a.world.peer('eu-9').send(1))).to.equal('ERR_NO_MEMBER');
    expect(await codeOf(a.world.peer('eu-2').request('late', { timeout: 1, signal: AbortSignal.abort() }))).to.equal(
      'ERR_ABORTED',
    );
    let self: unknown;
    a.world.on('message', (data, from) => void (self = [data, from]));
    await a.world.peer('eu-1').send('me', { confirm: true });
    expect(self).to.deep.equal(['me', 'eu-1']);
  });
});
