import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Reason } from '../../../../lib/plugins/channels/index.ts';
import { proxy, remote } from '../../../../lib/plugins/rpc/index.ts';
import { Meeting, next } from '../meeting.ts';
import { JointPeer } from './joint-peer.ts';
import { hex, toHex } from './vectors.ts';
import { until } from '../../../support/buses.ts';

async function code(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: { code?: unknown }) => error.code,
  );
}

describe('joint and bus peers in one channel', () => {
  let meeting: Meeting;
  const peers: JointPeer[] = [];

  beforeEach(async () => {
    meeting = await new Meeting('memory', { joint: { port: 0 } }).start();
  });
  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.close();
    await meeting.close();
  });

  const joint = async (): Promise<JointPeer> => {
    const peer = await JointPeer.tcp(meeting.relay.jointPort ?? 0);
    peers.push(peer);
    return peer;
  };
  const entered = async (): Promise<JointPeer> => {
    const peer = await joint();
    peer.write('00 01 01 04 726f6f6d');
    await peer.expect('00 03 01 00 00');
    return peer;
  };

  it('both callbacks and no mode - a joint peer is refused at once, by an owner and by a user', async () => {
    const both = { onData: () => undefined, onDataChunk: () => undefined };
    const [rooms, client] = await meeting.client();
    const failed = new Promise<{ code?: unknown; message: string }>((resolve) => client.on('error', resolve));
    const owner = await rooms.create('room', both);
    const bus = await (await meeting.rooms()).enter('room', both);
    const peer = await joint();
    peer.write('00 01 01 04 726f6f6d');
    await peer.expect('00 03 01 00 00');
    await peer.expect('00 04 00 02 00 02');
    expect((await failed).message).to.contain('"onData" or "onDataChunk"');
    await until(() => owner.users.size === 1);
    expect(bus.closed).to.equal(undefined);
    peer.write('00 00 03 05 6f74686572');
    await peer.expect('00 03 03 00 00');
    expect(await code((await meeting.rooms()).enter('other', both))).to.equal('ERR_INVALID_OPTION');
    const decided = await (await meeting.rooms()).enter('other', { ...both, mode: 'data' });
    expect(decided.closed).to.equal(undefined);
  });

  it('a joint user of a bus owner - data, broadcast, kick, block and leaving go as on the wire', async () => {
    const owner = await (await meeting.rooms()).create('room', { mode: 'data' });
    const user = await entered();
    await until(() => owner.users.size === 1);
    expect(owner.users.get(0)).to.have.property('joint', true);
    user.write('03 00 796f');
    expect((await next(owner, 'data')).map(String)).to.deep.equal(['yo', '0']);
    await owner.send(0, Buffer.from('hi'));
    await user.expect('03 00 6869');
    await owner.broadcast(Buffer.from('all'));
    await user.expect('04 00 616c6c');
    owner.kick(0);
    await user.expect('00 04 00 02 00 02');
    user.write('00 01 02 04 726f6f6d');
    await user.expect('00 03 02 00 00');
    await until(() => owner.users.size === 1);
    owner.block(0);
    await user.expect('00 04 00 02 00 02');
    user.write('00 01 03 04 726f6f6d');
    await user.expect('00 03 03 01 01');
    owner.unblock(0);
    await owner.broadcast(Buffer.from('x'));
    await (await meeting.rooms()).list();
    user.write('00 01 04 04 726f6f6d');
    await user.expect('00 03 04 00 00');
    const reasons: Reason[] = [];
    owner.on('userDisconnect', (_user, reason) => reasons.push(reason));
    user.write('00 02 00 01 00');
    await until(() => reasons.length === 3);
    expect(reasons).to.deep.equal([Reason.KICK, Reason.KICK, Reason.CLOSE]);
  });

  it('a joint owner of bus users - they hear data, its end and its loss', async () => {
    const owner = await joint();
    owner.write('00 00 01 04 726f6f6d');
    await owner.expect('00 03 01 00 00');
    const user = await (await meeting.rooms()).enter('room', { mode: 'data' });
    await owner.expect('00 04 00 00 00 00');
    expect(user.owner).to.have.property('joint', true);
    await user.send(Buffer.from('yo'));
    await owner.expect('04 80 00 796f');
    owner.write('04 80 00 6869');
    expect(String(await next(user, 'data'))).to.equal('hi');
    owner.write('01 01 04 80 616c6c');
    expect(String(await next(user, 'data'))).to.equal('all');
    owner.close();
    expect((await next(user, 'disconnect'))[0]).to.equal(Reason.DISCONNECT);
  });

  it('chunks - those of joint peers are put together, those for them get their header', async () => {
    const owner = await (await meeting.rooms()).create('room', { mode: 'chunk' });
    const user = await entered();
    user.write('03 00 02 61 03 00 6263 02 00 00 02 00 64');
    const chunks: string[] = [];
    owner.on('chunk', (bytes, from) => chunks.push(`${from} ${Buffer.from(bytes).toString()}`));
    await until(() => chunks.length === 2);
    expect(chunks).to.deep.equal(['0 abc', '0 d']);
    await owner.sendChunk(0, Buffer.from('hello'));
    await user.expect('02 00 04 06 00 68656c6c6f');
    await owner.broadcastChunk(Buffer.from('all'));
    await user.expect('02 00 02 04 00 616c6c');
  });

  it('mode - without an option the first listener decides, and nothing that came before is lost', async () => {
    const owner = await (await meeting.rooms()).create('room');
    const user = await entered();
    user.write('04 00 02 6162 02 00 63');
    await (await meeting.rooms()).list();
    expect(String((await next(owner, 'chunk'))[0])).to.equal('abc');
  });

  it('malformed chunks - the owner hears MALICIOUS and the user is put out, the others stay', async () => {
    const owner = await (await meeting.rooms()).create('room', { mode: 'chunk', maxChunkSize: 1_000 });
    const [bad, good] = [await entered(), await entered()];
    const trouble = next(owner, 'error');
    bad.write('03 00 ff7f');
    expect(await trouble).to.deep.equal([Reason.MALICIOUS, 0]);
    await bad.expect('00 04 00 02 00 02');
    const heard = next(owner, 'chunk');
    good.write('03 00 00 61');
    expect((await heard)[1]).to.equal(1);
  });

  it('remote objects - are announced, called with the vectors of joint peers, and call back', async () => {
    const owner = await (await meeting.rooms()).create('room');
    const calls: unknown[][] = [];
    remote(
      owner,
      { test: () => calls.push(['test']), message: (text: string, flag: boolean) => calls.push([text, flag]) },
      { id: 3, joint: [['test'], ['message', 'string', 'bool']] },
    );
    const user = await entered();
    await user.expect('02 00 00 02 00 03');
    user.write('02 00 00 02 00 07');
    expect(await next(owner, 'remote')).to.deep.equal([7, 0]);
    user.write('02 00 01 03 00 0300');
    user.write('02 00 09 0b 00 0301 06 68c3a46c6c6f 01');
    await until(() => calls.length === 2);
    expect(calls).to.deep.equal([['test'], ['hällo', true]]);
    const theirs = proxy<{ move(x: number, y: number): void }>(owner, 0, {
      id: 7,
      joint: [['stop'], ['move', 'int', 'float']],
    });
    await theirs.move(-3, 1.5);
    await user.expect('02 00 09 0b 00 0701 fdffffff 0000c03f');
    expect(await code(proxy<{ move(): void }>(owner, 0).move())).to.equal('ERR_PEER_LACKS_FEATURE');
  });

  it('remote objects - an unknown procedure or object is MALICIOUS at the owner, and the link stays', async () => {
    const owner = await (await meeting.rooms()).create('room');
    remote(owner, { test: () => undefined }, { joint: [['test']] });
    const user = await entered();
    await user.expect('02 00 00 02 00 00');
    const errors: unknown[] = [];
    owner.on('error', (reason, from) => errors.push([reason, from]));
    user.write('02 00 02 04 00 006301 02 00 01 03 00 0900');
    await until(() => errors.length === 2);
    expect(errors).to.deep.equal([
      [Reason.MALICIOUS, 0],
      [Reason.MALICIOUS, 0],
    ]);
    await owner.send(0, Buffer.from('still here'));
    await user.expect(`0b 00 ${toHex(Buffer.from('still here'))}`);
  });

  it('remote objects of a joint owner - a bus user calls them, and is called', async () => {
    const owner = await joint();
    owner.write('00 00 01 04 726f6f6d');
    await owner.expect('00 03 01 00 00');
    const user = await (await meeting.rooms()).enter('room');
    await owner.expect('00 04 00 00 00 00');
    const heard: unknown[] = [];
    remote(user, { note: (list: number[]) => heard.push(list) }, { joint: [['note', 'list<int>']] });
    await owner.expect('03 80 00 00 03 80 00 00');
    owner.write('03 80 00 0a 0d 80 00 0000 02 07000000 08000000'.replace('0d 80', '0d 80'));
    await until(() => heard.length === 1);
    expect(heard).to.deep.equal([[7, 8]]);
    await proxy<{ test(): void }>(user, undefined, { joint: [['test']] }).test();
    await owner.expect('03 80 00 01 04 80 00 0000');
  });

  it('a storm of joint peers - creating and deleting disturbs nobody', async () => {
    const owner = await (await meeting.rooms()).create('room', { mode: 'data' });
    const user = await entered();
    const loud = await joint();
    const name = hex('73');
    for (let round = 0; round < 300; round += 1) {
      loud.write(Buffer.concat([hex('00 00 01 01'), name, hex('00 03 00 01 00')]));
    }
    user.write('03 00 6f6b');
    expect(String((await next(owner, 'data'))[0])).to.equal('ok');
    for (let round = 0; round < 300; round += 1) await loud.expect('00 03 01 00 00');
    await until(() => meeting.relay.list().length === 1);
  });

  it('the server closes - joint peers hear that their channels are gone', async () => {
    await (await meeting.rooms()).create('room');
    const user = await entered();
    await meeting.server.close();
    expect(await user.ended()).to.equal('000400020000');
  });
});
