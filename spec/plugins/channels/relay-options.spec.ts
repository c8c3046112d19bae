import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { BusError, Client } from '../../../lib/index.ts';
import { channels, Reason } from '../../../lib/plugins/channels/index.ts';
import { rejected, until } from '../../support/buses.ts';
import { Meeting, next, refusal } from './meeting.ts';

describe('channels of a relay that asks first', () => {
  let meeting: Meeting;
  afterEach(() => meeting.close());

  it('authorize - gets action, id and peer; false, a throw and a rejection refuse, the last two are reported', async () => {
    const asked: string[] = [];
    meeting = await new Meeting('memory', {
      authorize: ({ action, id, peer }) => {
        asked.push(`${action} ${id} ${peer.connection === undefined ? 'nobody' : 'somebody'}`);
        if (id === 'throws') throw new Error('thrown');
        if (id === 'later') throw new BusError('ERR_UNAVAILABLE', 'later');
        if (id === 'broken') throw new TypeError('broken');
        return id === 'rejects' ? Promise.reject(new Error('rejected')) : id !== 'no';
      },
    }).start();
    const rooms = await meeting.rooms();
    for (const id of ['no', 'throws', 'rejects']) expect(await refusal(rooms.create(id))).to.equal(Reason.ID);
    for (const id of ['later', 'broken'])
      expect(await rejected(rooms.create(id))).to.include({ code: 'ERR_UNAVAILABLE' });
    asked.splice(3, 2);
    await rooms.create('yes');
    expect(await refusal((await meeting.rooms()).enter('no'))).to.equal(Reason.ID);
    expect(asked).to.deep.equal(
      ['create no', 'create throws', 'create rejects', 'create yes', 'enter no'].map((line) => `${line} somebody`),
    );
    expect(meeting.errors.map((error) => (error as Error).message)).to.deep.equal(['thrown', 'rejected', 'broken']);
  });

  it('a create that was given up - leaves nothing behind when the relay says yes later', async () => {
    let admit: (yes: boolean) => void = () => undefined;
    meeting = await new Meeting('memory', {
      authorize: () =>
        new Promise((resolve) => {
          admit = resolve;
        }),
    }).start();
    const rooms = await meeting.rooms();
    const controller = new AbortController();
    const creating = rejected(rooms.create('room', { signal: controller.signal }));
    await rooms.list();
    controller.abort();
    expect(await creating).to.have.property('code', 'ERR_ABORTED');
    admit(true);
    await until(() => meeting.relay.list().length === 1);
    await until(() => meeting.relay.list().length === 0);
  });

  it('identify - a block knows a peer by what the relay says', async () => {
    meeting = await new Meeting('memory', { identify: () => 'everybody is one' }).start();
    const owner = await (await meeting.rooms()).create('room');
    const user = await (await meeting.rooms()).enter('room');
    await until(() => owner.users.size === 1);
    owner.block(user.user);
    await next(user, 'disconnect');
    expect(await refusal((await meeting.rooms()).enter('room'))).to.equal(Reason.KICK);
  });

  it("options - wrong ones are refused by name, on a client the relay's too", async () => {
    meeting = await new Meeting('memory').start();
    const rooms = await meeting.rooms();
    expect(await rejected(rooms.create('room', { maxUser: 5 } as never)))
      .to.include({ code: 'ERR_INVALID_OPTION' })
      .and.have.property('message')
      .that.contains('maxUsers');
    expect(await rejected(rooms.create('room', { maxUsers: 257 }))).to.have.property('code', 'ERR_INVALID_OPTION');
    expect(await rejected(rooms.enter('room', { mode: 'bytes' } as never))).to.have.property(
      'code',
      'ERR_INVALID_OPTION',
    );
    expect(await rejected(rooms.enter(5 as never))).to.have.property('code', 'ERR_INVALID_ARGUMENT');
    expect(() => channels({ maxRoom: 1 } as never))
      .to.throw()
      .with.property('code', 'ERR_INVALID_OPTION');
    expect(() => new Client().use(channels({ maxRooms: 1 })))
      .to.throw()
      .with.property('code', 'ERR_INVALID_OPTION');
  });

  it('limits - an owner gets what it asks for, within what the relay allows', async () => {
    meeting = await new Meeting('memory', { maxUsers: 2, maxPayloadBytes: 1_000 }).start();
    const rooms = await meeting.rooms();
    const owner = await rooms.create('room', { maxUsers: 100, maxChunkSize: 50_000 });
    expect(owner.maxChunkSize).to.equal(1_000);
    expect(await rooms.list()).to.deep.equal([{ id: 'room', users: 0, maxUsers: 2 }]);
  });
});
