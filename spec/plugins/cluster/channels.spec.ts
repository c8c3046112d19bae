import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Client } from '../../../lib/index.ts';
import { channels, type OwnerEnd, Reason, type Rooms, type UserEnd } from '../../../lib/plugins/channels/index.ts';
import { rejected, until } from '../../support/buses.ts';
import { natsServer } from '../../support/nats-server.ts';
import { Galaxy, type Star } from './galaxy.ts';

/** What an end raises. */
function record(end: OwnerEnd | UserEnd): string[] {
  const heard: string[] = [];
  const text = (data: Uint8Array): string => Buffer.from(data).toString();
  if ('close' in end) {
    end.on('userConnect', (user) => heard.push(`connect ${user} ${end.users.get(user)?.id}`));
    end.on('userDisconnect', (user, reason) => heard.push(`disconnect ${user} ${reason}`));
    end.on('data', (data, user) => heard.push(`data ${user} ${text(data)}`));
  } else {
    end.on('data', (data) => heard.push(`data ${text(data)}`));
    end.on('disconnect', (reason) => heard.push(`disconnect ${reason}`));
  }
  return heard;
}

(natsServer === undefined ? describe.skip : describe)('channels over nodes', () => {
  let galaxy: Galaxy;
  let a: Star;
  let b: Star;

  beforeEach(async () => {
    galaxy = await Galaxy.open({ secret: 'the secret of all nodes' });
    [a, b] = await Promise.all([star('eu-1'), star('eu-2')]);
    await until(() => a.world.nodes.length === 2 && b.world.nodes.length === 2);
  });

  afterEach(async () => {
    await galaxy.end();
  });

  const star = (node: string): Promise<Star> =>
    galaxy.star(node, {}, (server) => void server.use(channels({ maxChannels: 4 })));

  async function rooms(of: Star): Promise<Rooms & { client: Client }> {
    let made: Rooms | undefined;
    const client = await galaxy.client(of, {}, (one) => (made = one.use(channels())));
    return Object.assign(made as Rooms, { client });
  }

  it('a user of another node - enters, speaks both ways in order, is kicked, blocked, and leaves', async () => {
    const mine = await rooms(a);
    const owner = await mine.create('arena', { maxUsers: 7 });
    const atOwner = record(owner);
    const other = await rooms(b);
    const local = await (await rooms(a)).enter('arena');
    const user = await other.enter('arena');
    const atUser = record(user);
    const atLocal = record(local);
    await until(() => atOwner.length === 2);
    expect(atOwner[1]).to.match(/^connect 1 eu-2\/./);
    for (let number = 0; number < 300; number++) await user.send(Buffer.from(`up ${number}`));
    for (let number = 0; number < 300; number++) {
      await owner.send(1, Buffer.from(`down ${number}`));
      await owner.broadcast(Buffer.from(`all ${number}`));
    }
    await until(() => atOwner.length === 302 && atUser.length === 600 && atLocal.length === 300);
    expect(atOwner.slice(2)).to.deep.equal(Array.from({ length: 300 }, (_, at) => `data 1 up ${at}`));
    const expected = Array.from({ length: 300 }, (_, at) => [`data down ${at}`, `data all ${at}`]);
    expect(atUser).to.deep.equal(expected.flat());
    expect(await other.list()).to.deep.equal([{ id: 'arena', users: 2, maxUsers: 7 }]);
    owner.kick(1);
    await until(() => atUser.at(-1) === `disconnect ${Reason.KICK}`);
    const again = await other.enter('arena');
    again.leave();
    await until(() => atOwner.at(-1) === `disconnect 1 ${Reason.CLOSE}`);
    const last = await other.enter('arena');
    const atLast = record(last);
    await until(() => owner.users.size === 2);
    owner.block(1);
    await until(() => atLast.length === 1);
    expect(await rejected(other.enter('arena'))).to.have.property('reason', Reason.KICK);
    owner.close();
    await until(() => atLocal.at(-1) === `disconnect ${Reason.CLOSE}`);
    expect(await rejected(other.enter('arena'))).to.have.property('reason', Reason.ID);
    expect([...a.errors, ...b.errors]).to.deep.equal([]);
  });

  it('an id - is taken by one node, of two that want it at once too, and the rooms of a client are limited', async () => {
    const [one, other] = [await rooms(a), await rooms(b)];
    const both = await Promise.allSettled([one.create('lobby'), other.create('lobby')]);
    expect(both.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected']);
    expect(await rejected(other.create('lobby'))).to.have.property('reason', Reason.ID);
    for (const id of ['1', '2', '3', '4', '5'])
      await (id === '5' ? await rooms(a) : one).create(id === '5' ? id : `a${id}`).catch(() => {});
    const visitor = await rooms(b);
    const entered = [];
    for (const id of ['lobby', 'a1', 'a2', 'a3']) entered.push(await visitor.enter(id));
    expect(new Set(entered.map(({ number }) => number)).size).to.equal(4);
    expect(await rejected(visitor.enter('5'))).to.have.property('reason', Reason.MAX);
    entered[0]?.leave();
    await until(async () => (await visitor.enter('5').catch(() => undefined)) !== undefined);
  });

  it('frames of strangers - for a room of another node that they are not in go nowhere', async () => {
    const owner = await (await rooms(a)).create('arena');
    const atOwner = record(owner);
    const user = await (await rooms(b)).enter('arena');
    await until(() => atOwner.length === 1);
    let lane: { send(data: Uint8Array): Promise<void> } | undefined;
    const stranger = await galaxy.client(b, {}, (client) => {
      client.use({
        name: 'channels',
        install: (host) => {
          const raw = host.lane({});
          lane = { send: (data) => raw.send(client, data) };
          return { api: undefined };
        },
      });
    });
    for (let room = 0; room < 9; room++) await lane?.send(Uint8Array.of(0, room, 0, 0, 0, 0, 1, 65));
    await stranger.ping();
    await user.send(Buffer.from('after'));
    await until(() => atOwner.length === 2);
    expect(atOwner[1]).to.equal('data 0 after');
  });

  it('an owner whose node is killed - its users of other nodes hear it at once, and the id is free', async () => {
    const child = await galaxy.process('eu-3');
    const other = await rooms(a);
    let user: UserEnd | undefined;
    await until(async () => (user = await other.enter('eu-3').catch(() => undefined)) !== undefined);
    const heard = record(user as UserEnd);
    child.kill('SIGKILL');
    // Somebody has to look.
    const sent = user?.send(Buffer.from('on its way')).catch(() => {});
    await until(() => heard.length === 1);
    expect(heard).to.deep.equal([`disconnect ${Reason.DISCONNECT}`]);
    await sent;
    expect(await other.list()).to.deep.equal([]);
    await other.create('eu-3');
  });

  it('a user that is lost, or whose node leaves - is out of the room, and nothing of it is left', async () => {
    const owner = await (await rooms(a)).create('arena');
    const atOwner = record(owner);
    const lost = await rooms(b);
    await lost.enter('arena');
    await (await rooms(b)).enter('arena');
    await until(() => atOwner.length === 2);
    lost.client.destroy();
    await until(() => atOwner.includes(`disconnect 0 ${Reason.DISCONNECT}`));
    await b.server.close();
    await until(() => owner.users.size === 0);
    expect(a.errors).to.deep.equal([]);
  });
});
