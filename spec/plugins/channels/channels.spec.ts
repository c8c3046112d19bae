import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type OwnerEnd, Reason, type UserEnd } from '../../../lib/plugins/channels/index.ts';
import { kinds, Meeting, next, refusal } from './meeting.ts';
import { rejected, until } from '../../support/buses.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

/** Everything an end raises, as text. */
function record(end: OwnerEnd | UserEnd): string[] {
  const heard: string[] = [];
  const text = (data: Uint8Array): string => Buffer.from(data).toString();
  if ('close' in end) {
    end.on('userConnect', (user) => heard.push(`connect ${user}`));
    end.on('userDisconnect', (user, reason) => heard.push(`disconnect ${user} ${reason}`));
    end.on('data', (data, user) => heard.push(`data ${user} ${text(data)}`));
    end.on('chunk', (data, user) => heard.push(`chunk ${user} ${text(data)}`));
    end.on('error', (reason, user) => heard.push(`error ${reason} ${user ?? ''}`.trim()));
  } else {
    end.on('data', (data) => heard.push(`data ${text(data)}`));
    end.on('chunk', (data) => heard.push(`chunk ${text(data)}`));
    end.on('disconnect', (reason, why) => heard.push(`disconnect ${reason} ${why ?? ''}`.trim()));
    end.on('error', (reason) => heard.push(`error ${reason}`));
  }
  return heard;
}

for (const kind of kinds) {
  describe(`channels over ${kind}`, () => {
    let meeting: Meeting;

    beforeEach(async () => {
      meeting = await new Meeting(kind).start();
    });
    afterEach(() => meeting.close());

    const pair = async (id = 'room'): Promise<[OwnerEnd, UserEnd]> => {
      const [first, second] = [await meeting.rooms(), await meeting.rooms()];
      const owner = await first.create(id);
      return [owner, await second.enter(id)];
    };

    it('data - send raises data and sendChunk raises chunk, both ways and in order', async () => {
      const [owner, user] = await pair();
      const [atOwner, atUser] = [record(owner), record(user)];
      await user.send(bytes('one'));
      await user.sendChunk(bytes('two'));
      await user.send(bytes('three'));
      await until(() => atOwner.length === 4);
      expect(atOwner).to.deep.equal(['connect 0', 'data 0 one', 'chunk 0 two', 'data 0 three']);
      await owner.sendChunk(0, bytes('four'));
      await owner.send(0, bytes('five'));
      await until(() => atUser.length === 2);
      expect(atUser).to.deep.equal(['chunk four', 'data five']);
    });

    it('broadcast - reaches all users, or all but one, in order with what is sent to one', async () => {
      const owner = await (await meeting.rooms()).create('room');
      const users = await Promise.all(
        [0, 1, 2].map(async () => {
          const rooms = await meeting.rooms();
          return rooms.enter('room');
        }),
      );
      const heard = users.map((user) => record(user));
      await until(() => owner.users.size === 3);
      await owner.send(1, bytes('before'));
      await owner.broadcast(bytes('all'));
      await owner.broadcastChunk(bytes('some'), { except: 1 });
      await owner.send(1, bytes('after'));
      await until(() => heard.flat().length === 7);
      for (const [index, user] of users.entries()) {
        const expected = user.user === 1 ? ['data before', 'data all', 'data after'] : ['data all', 'chunk some'];
        expect(heard[index]).to.deep.equal(expected);
      }
    });

    it('before the first listener - everything is kept and then delivered in order', async () => {
      const [owner, user] = await pair();
      await user.send(bytes('early'));
      await user.sendChunk(bytes('bird'));
      user.leave();
      await until(() => owner.users.size === 0);
      const heard = record(owner);
      await until(() => heard.length === 4);
      expect(heard).to.deep.equal(['connect 0', 'data 0 early', 'chunk 0 bird', 'disconnect 0 1']);
    });

    it('numbers - users and channels get the lowest free ones, and the owner knows who they are', async () => {
      const [first, second] = [await meeting.rooms(), await meeting.rooms()];
      const [a, b] = [await first.create('a'), await first.create('b')];
      expect([a.number, b.number]).to.deep.equal([0, 1]);
      const user = await second.enter('b');
      expect([user.number, user.user]).to.deep.equal([0, 0]);
      await until(() => b.users.size === 1);
      expect(b.users.get(0)).to.have.property('joint', false);
      expect(user.owner).to.have.property('joint', false);
    });

    it('leave and close - the other side hears CLOSE', async () => {
      const [owner, user] = await pair();
      const atOwner = record(owner);
      user.leave();
      await until(() => atOwner.length === 2);
      expect(atOwner).to.deep.equal(['connect 0', `disconnect 0 ${Reason.CLOSE}`]);
      const again = await (await meeting.rooms()).enter('room');
      const heard = record(again);
      owner.close();
      await until(() => heard.length === 1);
      expect(heard).to.deep.equal([`disconnect ${Reason.CLOSE}`]);
      expect(await refusal(again.send(bytes('late')))).to.equal(Reason.CLOSE);
      expect(await refusal(owner.send(0, bytes('late')))).to.equal(Reason.CLOSE);
    });

    it('a client that closes - leaves its rooms with CLOSE; one that is destroyed with DISCONNECT', async () => {
      const owner = await (await meeting.rooms()).create('room');
      const heard = record(owner);
      const [polite, politeClient] = await meeting.client();
      const [rude, rudeClient] = await meeting.client();
      await polite.enter('room');
      await rude.enter('room');
      await politeClient.close();
      rudeClient.destroy();
      await until(() => heard.length === 4);
      expect(heard.slice(2)).to.deep.equal([`disconnect 0 ${Reason.CLOSE}`, `disconnect 1 ${Reason.DISCONNECT}`]);
    });

    it('an owner that vanishes - its users hear DISCONNECT and the id is free', async () => {
      const [rooms, client] = await meeting.client();
      await rooms.create('room');
      const user = await (await meeting.rooms()).enter('room');
      const heard = record(user);
      client.destroy();
      await until(() => heard.length === 1);
      expect(heard).to.deep.equal([`disconnect ${Reason.DISCONNECT}`]);
      await (await meeting.rooms()).create('room');
    });

    it('the relay goes - owners hear CLOSE, users CLOSE, and every call after it is refused', async () => {
      const [owner, user] = await pair();
      const [atOwner, atUser] = [record(owner), record(user)];
      await meeting.server.close();
      await until(() => atOwner.length === 2 && atUser.length > 0);
      expect(atOwner.at(-1)).to.equal(`error ${Reason.CLOSE}`);
      expect(atUser).to.deep.equal([`disconnect ${Reason.CLOSE}`]);
      expect(await refusal(owner.broadcast(bytes('x')))).to.equal(Reason.CLOSE);
    });

    it('kick and block - the user hears KICK and the text; a blocked one is refused until unblocked', async () => {
      const owner = await (await meeting.rooms()).create('room');
      const [bad, good] = [await meeting.rooms(), await meeting.rooms()];
      const first = await bad.enter('room');
      const heard = record(first);
      await until(() => owner.users.size === 1);
      owner.kick(0, 'be nice');
      await until(() => heard.length === 1);
      expect(heard).to.deep.equal([`disconnect ${Reason.KICK} be nice`]);
      const second = await bad.enter('room');
      await until(() => owner.users.size === 1);
      owner.block(second.user);
      expect(await next(second, 'disconnect')).to.deep.equal([Reason.KICK, undefined]);
      expect(await refusal(bad.enter('room'))).to.equal(Reason.KICK);
      await good.enter('room');
      owner.unblock(0);
      await until(() => owner.users.size === 1);
      await owner.send(0, bytes('x'));
      expect((await bad.enter('room')).user).to.equal(1);
    });

    it('refusals - each has its reason', async () => {
      const [first, second] = [await meeting.rooms(), await meeting.rooms()];
      await first.create('room', { maxUsers: 1 });
      expect(await refusal(second.create('room'))).to.equal(Reason.ID);
      expect(await refusal(second.create(''))).to.equal(Reason.ID);
      expect(await refusal(second.enter('nowhere'))).to.equal(Reason.ID);
      expect(await refusal(first.enter('room'))).to.equal(Reason.MALICIOUS);
      await second.enter('room');
      expect(await refusal(second.enter('room'))).to.equal(Reason.ID);
      expect(await refusal((await meeting.rooms()).enter('room'))).to.equal(Reason.FULL);
      for (let count = 1; count < 128; count += 1) await first.create(`room ${count}`);
      expect(await refusal(first.create('one more'))).to.equal(Reason.MAX);
      for (let count = 1; count < 128; count += 1) await second.enter(`room ${count}`);
      await (await meeting.rooms()).create('other');
      expect(await refusal(second.enter('other'))).to.equal(Reason.MAX);
    });

    it('refusals - say which of the things it is that their reason stands for', async () => {
      const [first, second] = [await meeting.rooms(), await meeting.rooms()];
      await first.create('room');
      await second.enter('room');
      expect((await rejected(second.create('room'))).message).to.match(/id is in use/);
      expect((await rejected(second.enter('nowhere'))).message).to.match(/no channel with that id/);
      expect((await rejected(second.enter('room'))).message).to.match(/in the channel already/);
      expect((await rejected(first.enter('room'))).message).to.match(/owner of a channel cannot enter it/);
    });

    it('refusals - without a connection there is nobody to ask', async () => {
      const [rooms, client] = await meeting.client();
      await client.close();
      expect(await refusal(rooms.create('room'))).to.equal(Reason.DISCONNECT);
      expect(await refusal(rooms.publish('a', 1))).to.equal(Reason.DISCONNECT);
    });

    it('wrong sends - nothing at all, too much, or to nobody, are refused at the sender and disturb nobody', async () => {
      const [owner, user] = await pair();
      const [atOwner, atUser] = [record(owner), record(user)];
      await until(() => owner.users.size === 1);
      expect(await rejected(user.send(bytes('')))).to.have.property('code', 'ERR_INVALID_ARGUMENT');
      expect(await rejected(user.sendChunk(Buffer.alloc(32_769)))).to.have.property('code', 'ERR_TOO_LARGE');
      expect(await rejected(owner.send(0, Buffer.alloc(1_048_577)))).to.have.property('code', 'ERR_TOO_LARGE');
      expect(await rejected(user.send('text' as never))).to.have.property('code', 'ERR_INVALID_ARGUMENT');
      expect(await refusal(owner.sendChunk(7, bytes('x')))).to.equal(Reason.ID);
      owner.kick(7);
      await user.sendChunk(Buffer.alloc(32_768));
      await owner.send(0, bytes('fine'));
      await until(() => atOwner.length === 2 && atUser.length === 1);
      expect(atUser).to.deep.equal(['data fine']);
    });

    it('callbacks - the style of peote-net works as options', async () => {
      const heard: string[] = [];
      const [first, second] = [await meeting.rooms(), await meeting.rooms()];
      const owner = await first.create('room', {
        onCreate: ({ number }) => heard.push(`create ${number}`),
        onUserConnect: (end, user) => {
          heard.push(`user ${user}`);
          void end.sendChunk(user, bytes('hello'));
        },
        onDataChunk: (_end, user, data) => heard.push(`chunk ${user} ${Buffer.from(data).toString()}`),
        onUserDisconnect: (_end, user, reason) => heard.push(`gone ${user} ${reason}`),
      });
      await second.enter('room', {
        onEnter: (end) => {
          heard.push(`enter ${end.number}`);
          void end.sendChunk(bytes('hi'));
        },
        onDataChunk: (end, data) => {
          heard.push(`got ${Buffer.from(data).toString()}`);
          end.leave();
        },
      });
      await until(() => heard.length === 6);
      expect(heard.filter((line) => !line.startsWith('enter'))).to.deep.equal([
        'create 0',
        'user 0',
        ...heard.filter((line) => line.startsWith('chunk') || line.startsWith('got')),
        `gone 0 ${Reason.CLOSE}`,
      ]);
      const errors: number[] = [];
      void second.enter('nowhere', { onError: (_end, reason) => errors.push(reason) });
      void first.create('room', { onError: (_end, user, reason) => errors.push(user, reason) });
      await until(() => errors.length === 3);
      expect(errors.sort((a, b) => a - b)).to.deep.equal([-1, Reason.ID, Reason.ID]);
      owner.close();
    });

    it('list - shows the channels and their users, not the hidden ones', async () => {
      const rooms = await meeting.rooms();
      await rooms.create('a', { maxUsers: 5 });
      await rooms.create('b', { listed: false });
      await (await meeting.rooms()).enter('a');
      expect(await rooms.list()).to.deep.equal([{ id: 'a', users: 1, maxUsers: 5 }]);
      expect(meeting.relay.list()).to.deep.equal([{ id: 'a', users: 1, maxUsers: 5 }]);
    });

    it('back-pressure - a user faster than its owner is held back and loses nothing', async () => {
      const owner = await (await meeting.rooms()).create('room');
      const user = await (await meeting.rooms()).enter('room');
      let [count, inOrder] = [0, true];
      owner.on('chunk', (data) => {
        inOrder &&= Buffer.from(data).readUInt32LE(0) === count;
        count += 1;
      });
      const chunk = Buffer.alloc(32_000);
      const total = 2_000;
      for (let index = 0; index < total; index += 1) {
        chunk.writeUInt32LE(index, 0);
        await user.sendChunk(chunk);
      }
      await until(() => count === total);
      expect(inOrder).to.equal(true);
    });

    it('storm - creating and deleting at full speed disturbs nobody', async () => {
      const [owner, user] = await pair('quiet');
      const heard = record(owner);
      const loud = await meeting.rooms();
      for (let round = 0; round < 300; round += 1) {
        const room = await loud.create(`storm ${round % 5}`);
        room.close();
        if (round % 50 === 0) await user.send(bytes(`${round}`));
      }
      await until(() => heard.length === 7);
      expect(heard.slice(1)).to.deep.equal([0, 50, 100, 150, 200, 250].map((round) => `data 0 ${round}`));
      await until(() => meeting.relay.list().length === 1);
    });

    it('topics - a pattern gets what fits, once for each listener, in order', async () => {
      const [first, second] = [await meeting.rooms(), await meeting.rooms()];
      const heard: string[] = [];
      const chat = second.subscribe('world.*.chat', (data, topic) => heard.push(`chat ${topic} ${String(data)}`));
      second.subscribe('world.>', (data, topic) => heard.push(`all ${topic} ${String(data)}`));
      second.subscribe('world.1.chat', (data) => heard.push(`one ${String(data)}`));
      await second.list();
      await first.publish('world.1.chat', 'hello');
      await first.publish('world.1.move', 'left');
      await first.publish('other.1.chat', 'nobody');
      await until(() => heard.length === 4);
      expect(heard.slice(0, 3).sort()).to.deep.equal([
        'all world.1.chat hello',
        'chat world.1.chat hello',
        'one hello',
      ]);
      expect(heard[3]).to.equal('all world.1.move left');
      chat.unsubscribe();
      await second.list();
      await first.publish('world.2.chat', 'again');
      await until(() => heard.length === 5);
      expect(heard[4]).to.equal('all world.2.chat again');
    });

    it('topics - the relay can publish and listen, and the publisher hears its own', async () => {
      const rooms = await meeting.rooms();
      const heard: unknown[] = [];
      const stop = meeting.relay.subscribe('a.>', (data, topic) => heard.push([topic, data]));
      rooms.subscribe('a.b', (data) => heard.push(data));
      await rooms.publish('a.b', { x: 1 });
      await until(() => heard.length === 2);
      expect(heard).to.deep.include.members([['a.b', { x: 1 }], { x: 1 }]);
      stop();
      await meeting.relay.publish('a.b', 2);
      await until(() => heard.length === 3);
      expect(heard[2]).to.equal(2);
    });
  });
}
