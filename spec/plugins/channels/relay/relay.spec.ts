import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { VirtualClock } from '../../../../lib/testing/virtual-clock.ts';
import { Reason } from '../../../../lib/plugins/channels/reason.ts';
import { type PayloadKind, payloadKind, nobody, ChannelFrame } from '../../../../lib/plugins/channels/channel-frame.ts';
import { Relay } from '../../../../lib/plugins/channels/relay/relay.ts';
import { Room, Seat } from '../../../../lib/plugins/channels/relay/room.ts';
import type { RoomLimits } from '../../../../lib/plugins/channels/relay/access-policy.ts';
import { FakeMember } from './fake-member.ts';

const limits: RoomLimits = {
  maxUsers: 256,
  maxChunkBytes: 100,
  maxPayloadBytes: 200,
  maxPendingBytes: 1_000,
  rate: { messagesPerSecond: 1_000, bytesPerSecond: 100_000 },
  flood: 'kick',
};

describe('relay', () => {
  let clock: VirtualClock;
  let relay: Relay;
  let owner: FakeMember;

  beforeEach(() => {
    clock = new VirtualClock();
    relay = new Relay(clock, 1_000);
    owner = new FakeMember('owner');
  });

  const create = (id = 'room', further: Partial<RoomLimits> = {}): Room => {
    const room = relay.create({ id, owner, limits: { ...limits, ...further }, listed: true });
    if (typeof room === 'string') throw new Error(room);
    return room;
  };
  const enter = (member: FakeMember, id = 'room'): Seat => {
    let seat: Seat | undefined;
    const refusal = relay.enter(member, id, undefined, (taken) => {
      seat = taken;
      member.heard.push(`${id} entered ${taken.user} ${taken.number}`);
    });
    if (seat === undefined) throw new Error(refusal);
    return seat;
  };
  const frame = (seat: Room | Seat, text: string, user = 0, kind: PayloadKind = payloadKind.data): ChannelFrame =>
    new ChannelFrame(kind, seat instanceof Room ? seat.serial : seat.room.serial, user, false, Buffer.from(text));
  const toAll = (room: Room, text: string, except: number = nobody): ChannelFrame =>
    new ChannelFrame(payloadKind.data, room.serial, except, true, Buffer.from(text));

  it('enter - the entrant hears of it, then the owner, with the lowest free numbers', () => {
    create();
    const [one, two, three] = [new FakeMember('one'), new FakeMember('two'), new FakeMember('three')];
    enter(one);
    const second = enter(two);
    relay.leave(second, Reason.CLOSE);
    enter(three);
    expect(one.take()).to.deep.equal(['room entered 0 0']);
    expect(three.take()).to.deep.equal(['room entered 1 0']);
    expect(owner.take()).to.deep.equal([
      'room user 0 one',
      'room user 1 two',
      'room user 1 gone 1',
      'room user 1 three',
    ]);
  });

  it('numbers - owned and entered channels are counted apart, freed numbers are used again', () => {
    const rooms = ['a', 'b', 'c'].map((id) => create(id));
    expect(rooms.map((room) => room.number)).to.deep.equal([0, 1, 2]);
    relay.close(rooms[1] ?? create(), Reason.CLOSE);
    expect(create('d').number).to.equal(1);
    const other = new FakeMember('other');
    expect([enter(other, 'a').number, enter(other, 'd').number]).to.deep.equal([0, 1]);
  });

  it('data - goes to the owner, to one user, to all and to all but one', () => {
    const room = create();
    const users = ['x', 'y', 'z'].map((id) => new FakeMember(id));
    const seats = users.map((user) => enter(user));
    for (const member of [owner, ...users]) member.take();
    void relay.toOwner(seats[2] ?? enter(owner), frame(room, 'up', 2));
    void relay.toUser(room, frame(room, 'down', seats[1]?.token));
    relay.broadcast(room, toAll(room, 'all'));
    relay.broadcast(room, toAll(room, 'some', seats[0]?.token));
    expect(owner.take()).to.deep.equal(['room 2: up']);
    expect(users.map((user) => user.take())).to.deep.equal([
      ['room: all'],
      ['room: down', 'room: all', 'room: some'],
      ['room: all', 'room: some'],
    ]);
  });

  it('broadcast - one frame does for everybody', () => {
    const room = create();
    const users = ['x', 'y', 'z'].map((id) => new FakeMember(id));
    for (const user of users) enter(user);
    relay.broadcast(room, toAll(room, 'all'));
    const frames = new Set(users.map((user) => user.frames[0]?.bytes));
    expect(frames.size).to.equal(1);
  });

  it('broadcast - users named before are skipped once', () => {
    const room = create();
    const [x, y] = [new FakeMember('x'), new FakeMember('y')];
    room.skipped = new Set([enter(x).token]);
    enter(y);
    x.take();
    relay.broadcast(room, toAll(room, 'one'));
    relay.broadcast(room, toAll(room, 'two'));
    expect(x.take()).to.deep.equal(['room: two']);
    expect(y.take().slice(1)).to.deep.equal(['room: one', 'room: two']);
  });

  it('tokens - what is meant for a user who left never reaches the next with the same number', () => {
    const room = create();
    const [first, second] = [new FakeMember('first'), new FakeMember('second')];
    const before = enter(first);
    relay.leave(before, Reason.CLOSE);
    const after = enter(second);
    expect([before.user, after.user]).to.deep.equal([0, 0]);
    void relay.toUser(room, frame(room, 'secret', before.token));
    void relay.toUser(room, frame(room, 'hello', after.token));
    expect(second.take().slice(1)).to.deep.equal(['room: hello']);
  });

  it('tokens - none is ever the one that stands for nobody', () => {
    const room = create();
    for (let round = 0; round < 600; round += 1) expect(room.mark(255)).to.be.below(nobody);
  });

  it('refusals - each has its name', () => {
    create();
    const user = new FakeMember('user');
    enter(user);
    const nobodyEnters = (): void => expect.fail('entered');
    expect(relay.create({ id: 'room', owner: user, limits, listed: true })).to.equal('taken');
    expect(relay.create({ id: '', owner: user, limits, listed: true })).to.equal('taken');
    expect(relay.create({ id: 'x'.repeat(256), owner: user, limits, listed: true })).to.equal('taken');
    expect(relay.enter(user, 'nowhere', undefined, nobodyEnters)).to.equal('unknown');
    expect(relay.enter(user, 'room', undefined, nobodyEnters)).to.equal('inside');
    expect(relay.enter(owner, 'room', undefined, nobodyEnters)).to.equal('own');
  });

  it('limits - 128 channels owned, 128 entered, 256 users, and the relay in all', () => {
    const user = new FakeMember('user');
    for (let index = 0; index < 128; index += 1) {
      create(`room ${index}`);
      expect(enter(user, `room ${index}`).number).to.equal(index);
    }
    expect(relay.create({ id: 'more', owner, limits, listed: true })).to.equal('max');
    relay.create({ id: 'other', owner: new FakeMember('other'), limits, listed: true });
    expect(relay.enter(user, 'other', undefined, () => undefined)).to.equal('max');
    for (let index = 0; index < 256; index += 1) enter(new FakeMember(`${index}`), 'other');
    expect(relay.enter(new FakeMember('late'), 'other', undefined, () => undefined)).to.equal('full');
    const small = new Relay(clock, 1);
    small.create({ id: 'a', owner: new FakeMember('a'), limits, listed: true });
    expect(small.create({ id: 'b', owner: new FakeMember('b'), limits, listed: true })).to.equal('max');
  });

  it('close - the users hear the reason, and the id is free', () => {
    const room = create();
    const user = new FakeMember('user');
    const seat = enter(user);
    user.take();
    relay.close(room, Reason.CLOSE);
    void relay.toOwner(seat, frame(seat, 'late'));
    void relay.toUser(room, frame(room, 'late'));
    expect(user.take()).to.deep.equal(['room gone 1']);
    expect(owner.take()).to.deep.equal(['room user 0 user']);
    expect(create().serial).to.not.equal(room.serial);
  });

  it('revoke - the owner hears of it after its users', () => {
    const room = create();
    enter(new FakeMember('user'));
    owner.take();
    relay.revoke(room, Reason.CLOSE);
    relay.revoke(room, Reason.CLOSE);
    expect(owner.take()).to.deep.equal(['room closed 1']);
  });

  it('remove - a member that is lost leaves its channels, and its own end with DISCONNECT', () => {
    create();
    create('second');
    const user = new FakeMember('user');
    enter(user);
    const both = new FakeMember('both');
    relay.create({ id: 'its', owner: both, limits, listed: true });
    enter(both);
    enter(user, 'its');
    owner.take();
    user.take();
    relay.removeMember(both, Reason.DISCONNECT);
    expect(owner.take()).to.deep.equal(['room user 1 gone 0']);
    expect(user.take()).to.deep.equal(['its gone 0']);
    expect(relay.listed().map(({ id }) => id)).to.deep.equal(['room', 'second']);
  });

  it('kick - the user hears the text, its number is free again, and it may come back', () => {
    create();
    const user = new FakeMember('user');
    const seat = enter(user);
    relay.kick(seat, Reason.KICK, 'out');
    relay.kick(seat, Reason.KICK, 'again');
    expect(user.take()).to.deep.equal(['room entered 0 0', 'room gone 2 out']);
    expect(enter(user).user).to.equal(0);
    expect(owner.take()).to.deep.equal(['room user 0 user', 'room user 0 gone 2', 'room user 0 user']);
  });

  it('block - the peer is refused until unblocked, by number or by id; others are not', () => {
    const room = create();
    const [bad, good] = [new FakeMember('bad'), new FakeMember('good')];
    relay.block(enter(bad));
    expect(relay.enter(bad, 'room', undefined, () => undefined)).to.equal('blocked');
    relay.leave(enter(good), Reason.CLOSE);
    relay.unblock(room, 0);
    relay.block(enter(bad));
    relay.unblock(room, 'nobody');
    expect(relay.enter(bad, 'room', undefined, () => undefined)).to.equal('blocked');
    relay.unblock(room, 'bad');
    expect(enter(bad).user).to.equal(0);
  });

  it('oversize - a chunk or payload over the limit, or an empty one, goes nowhere, and both sides hear MALICIOUS', () => {
    const room = create();
    const user = new FakeMember('user');
    const seat = enter(user);
    owner.take();
    user.take();
    void relay.toOwner(seat, frame(seat, 'x'.repeat(101), 0, payloadKind.chunk));
    void relay.toOwner(seat, frame(seat, 'x'.repeat(201)));
    void relay.toOwner(seat, frame(seat, ''));
    void relay.toUser(room, frame(room, 'x'.repeat(201), seat.token));
    void relay.toOwner(seat, frame(seat, 'fine'));
    const trouble = 'room trouble 20 0';
    expect(owner.take()).to.deep.equal([trouble, trouble, trouble, 'room trouble 20', 'room 0: fine']);
    expect(user.take()).to.deep.equal(['room my trouble 20', 'room my trouble 20', 'room my trouble 20']);
  });

  it('flood - a user over the messages of a second is put out, the others go on', () => {
    create('room', { rate: { messagesPerSecond: 10, bytesPerSecond: 100_000 }, flood: 'kick' });
    const [loud, quiet] = [new FakeMember('loud'), new FakeMember('quiet')];
    const [one, two] = [enter(loud), enter(quiet)];
    owner.take();
    for (let count = 0; count < 12; count += 1) void relay.toOwner(one, frame(one, 'a'));
    void relay.toOwner(two, frame(two, 'b', 1));
    expect(owner.take().slice(10)).to.deep.equal(['room trouble 20 0', 'room user 0 gone 20', 'room 1: b']);
    expect(loud.take().at(-1)).to.equal('room gone 20 flood');
  });

  it('flood - with drop the surplus is lost, and a second later there is room again', () => {
    create('room', { rate: { messagesPerSecond: 1_000, bytesPerSecond: 10 }, flood: 'drop' });
    const user = new FakeMember('user');
    const seat = enter(user);
    owner.take();
    for (let count = 0; count < 5; count += 1) void relay.toOwner(seat, frame(seat, 'four'));
    expect(owner.take()).to.have.length(2);
    clock.advance(1_000);
    for (let count = 0; count < 5; count += 1) void relay.toOwner(seat, frame(seat, 'four'));
    expect(owner.take()).to.have.length(2);
    expect(user.take()).to.deep.equal(['room entered 0 0']);
  });

  it('flood - an owner loses its channel', () => {
    const room = create('room', { rate: { messagesPerSecond: 2, bytesPerSecond: 100_000 }, flood: 'kick' });
    const user = new FakeMember('user');
    enter(user);
    owner.take();
    user.take();
    for (let count = 0; count < 5; count += 1) relay.broadcast(room, toAll(room, 'a'));
    expect(user.take()).to.deep.equal(['room: a', 'room: a', 'room gone 20']);
    expect(owner.take()).to.deep.equal(['room closed 20']);
  });

  it('slow user - one for whom too much waits is put out with FULL, the others go on', () => {
    const room = create();
    const [slow, quick] = [new FakeMember('slow'), new FakeMember('quick')];
    enter(slow);
    enter(quick);
    owner.take();
    slow.take();
    slow.pendingBytes = 999;
    relay.broadcast(room, toAll(room, 'hello'));
    expect(owner.take()).to.deep.equal(['room trouble 11 0', 'room user 0 gone 11']);
    expect(slow.take()).to.deep.equal(['room gone 11']);
    expect(quick.take().at(-1)).to.equal('room: hello');
  });

  it('list - shows the users and leaves hidden channels out', () => {
    create();
    enter(new FakeMember('user'));
    relay.create({ id: 'hidden', owner, limits, listed: false });
    expect(relay.listed()).to.deep.equal([{ id: 'room', users: 1, maxUsers: 256 }]);
  });

  it('storm - ten thousand creates and deletes, entries and departures, leave nothing behind', () => {
    const user = new FakeMember('user');
    for (let round = 0; round < 10_000; round += 1) {
      const room = create(`room ${round % 10}`);
      const seat = enter(user, room.id);
      if (round % 2 === 0) relay.leave(seat, Reason.CLOSE);
      relay.close(room, Reason.CLOSE);
    }
    expect([relay.size, owner.owned.size, user.entered.size]).to.deep.equal([0, 0, 0]);
  });
});
