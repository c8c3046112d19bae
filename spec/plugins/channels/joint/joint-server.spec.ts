import { request } from 'node:http';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { resolveOptions } from '../../../../lib/base/options.ts';
import { systemClock } from '../../../../lib/base/system-clock.ts';
import { VirtualClock } from '../../../../lib/testing/virtual-clock.ts';
import { JointServer } from '../../../../lib/plugins/channels/joint/joint-server.ts';
import { type JointOptions, jointTable } from '../../../../lib/plugins/channels/joint-options.ts';
import { type ChannelsOptions, relayTable } from '../../../../lib/plugins/channels/relay-options.ts';
import { Reason } from '../../../../lib/plugins/channels/reason.ts';
import { AccessPolicy } from '../../../../lib/plugins/channels/relay/access-policy.ts';
import { Relay } from '../../../../lib/plugins/channels/relay/relay.ts';
import type { Clock } from '../../../../lib/base/clock.ts';
import { JointPeer } from './joint-peer.ts';
import { toHex } from './vectors.ts';
import { until } from '../../../support/buses.ts';

describe('joint server', () => {
  let server: JointServer | undefined;
  let relay: Relay;
  let errors: unknown[];
  const peers: JointPeer[] = [];

  const start = async (
    options: ChannelsOptions & { clock?: Clock; jointOptions?: JointOptions } = {},
  ): Promise<JointServer> => {
    const { clock = systemClock, jointOptions = {}, ...further } = options;
    const report = (error: unknown): void => {
      errors.push(error);
    };
    relay = new Relay(clock, 1_000);
    const relayOptions = resolveOptions('channels()', relayTable, further);
    const policy = new AccessPolicy(relayOptions, clock, report);
    const settings = resolveOptions('joint()', jointTable, { port: 0, ...jointOptions });
    server = new JointServer({ clock, report }, { relay, policy, options: relayOptions }, settings);
    await server.start();
    return server;
  };
  const tcp = async (): Promise<JointPeer> => {
    const peer = await JointPeer.tcp(server?.port ?? 0);
    peers.push(peer);
    return peer;
  };
  const webSocket = async (): Promise<JointPeer> => {
    const peer = await JointPeer.webSocket(server?.port ?? 0);
    peers.push(peer);
    return peer;
  };
  /** An owner of channel "wire" and a user in it. */
  const pair = async (): Promise<[JointPeer, JointPeer]> => {
    const [owner, user] = [await tcp(), await tcp()];
    owner.write('00 00 01 04 77697265');
    await owner.expect('00 03 01 00 00');
    user.write('00 01 01 04 77697265');
    await user.expect('00 03 01 00 00');
    await owner.expect('00 04 00 00 00 00');
    return [owner, user];
  };

  beforeEach(() => {
    errors = [];
  });
  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.close();
    await server?.close();
    server = undefined;
  });

  for (const [name, open] of [
    ['tcp', tcp],
    ['websocket', webSocket],
  ] as const) {
    it(`conversation - create, enter, data, broadcast, leave and delete go byte for byte over ${name}`, async () => {
      await start();
      const [owner, user] = [await open(), await tcp()];
      owner.write('00 00 01 04 77697265');
      await owner.expect('00 03 01 00 00');
      user.write('00 01 01 04 77697265');
      await user.expect('00 03 01 00 00');
      await owner.expect('00 04 00 00 00 00');
      owner.write('04 80 00 6869');
      await user.expect('03 00 6869');
      user.write('03 00 796f');
      await owner.expect('04 80 00 796f');
      owner.write('01 01 04 80 616263');
      await user.expect('04 00 616263');
      const third = await open();
      third.write('00 01 07 04 77697265');
      await third.expect('00 03 07 00 00');
      await owner.expect('00 04 00 00 00 01');
      owner.write('01 00 06 80 00 61626364');
      await third.expect('05 00 61626364');
      user.write('00 02 00 01 00');
      await owner.expect('00 05 00 01 00 00 00');
      owner.write('00 03 00 01 00');
      await third.expect('00 04 00 02 00 00');
      expect(relay.size).to.equal(0);
    });
  }

  it('splitting - a conversation sent byte by byte is understood', async () => {
    await start();
    const owner = await tcp();
    for (const byte of '00 00 01 02 6f6b 00 03 00 01 00'.split(' ')) {
      for (let at = 0; at < byte.length; at += 2) {
        owner.write(byte.slice(at, at + 2));
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await owner.expect('00 03 01 00 00');
    owner.write('00 00 01 02 6f6b');
    await owner.expect('00 03 01 00 00');
  });

  it('long data - 300 bytes go from the user to the owner in one unit', async () => {
    await start();
    const [owner, user] = await pair();
    user.write(`81 2d 00 ${'61'.repeat(300)}`);
    const head = await owner.read(2);
    expect(head[0]).to.be.greaterThan(1);
    // The relay hands on what arrived, so the 300 bytes may come as several units.
    let bytes = '';
    let left = head;
    for (;;) {
      const size = (left[0] ?? 0) < 128 ? (left[0] ?? 0) : (((left[0] ?? 0) - 128) << 8) + (left[1] ?? 0);
      const unit =
        (left[0] ?? 0) < 128 ? Buffer.concat([left.subarray(1), await owner.read(size - 1)]) : await owner.read(size);
      expect(toHex(unit.subarray(0, 2))).to.equal('8000');
      bytes += toHex(unit.subarray(2));
      if (bytes.length === 600) break;
      left = await owner.read(2);
    }
    expect(bytes).to.equal('61'.repeat(300));
  });

  it('largest unit of a user - its data does not fit one unit of the owner, and is split', async () => {
    await start();
    const [owner, user] = await pair();
    user.write(Buffer.concat([Buffer.from([0xff, 0xff, 0]), Buffer.alloc(32_766, 3)]));
    let got = 0;
    while (got < 32_766) {
      const first = (await owner.read(1))[0] ?? 0;
      const size = first < 128 ? first : ((first - 128) << 8) + ((await owner.read(1))[0] ?? 0);
      expect(size).to.be.at.most(32_767);
      const unit = await owner.read(size);
      expect(toHex(unit.subarray(0, 2))).to.equal('8000');
      got += unit.length - 2;
    }
    expect(got).to.equal(32_766);
  });

  it('lost link - the owner hears reason byte 1, users of a lost owner too', async () => {
    await start();
    const [owner, user] = await pair();
    user.close();
    await owner.expect('00 05 00 01 00 00 01');
    const second = await tcp();
    second.write('00 01 01 04 77697265');
    await second.expect('00 03 01 00 00');
    owner.close();
    await second.expect('00 04 00 02 00 01');
  });

  it('refusals - each has its code', async () => {
    await start();
    const [owner, user] = await pair();
    user.write('00 00 05 04 77697265');
    await user.expect('00 03 05 01 02');
    user.write('00 01 06 02 6e6f');
    await user.expect('00 03 06 01 01');
    user.write('00 01 07 04 77697265');
    await user.expect('00 03 07 01 03');
    owner.write('00 01 08 04 77697265');
    await owner.expect('00 03 08 01 02');
    owner.write('00 00 09 00');
    await owner.expect('00 03 09 01 02');
    owner.write('00 00 0a 02 c328');
    await owner.expect('00 03 0a 01 02');
    for (let number = 1; number < 128; number += 1)
      owner.write(Buffer.concat([Buffer.from([0, 0, 1, 1]), Buffer.from([number])]));
    for (let number = 1; number < 128; number += 1) await owner.read(5);
    owner.write('00 00 0b 02 6d78');
    await owner.expect('00 03 0b 01 01');
  });

  it('authorize - a refused create is answered 2, a refused enter 1, whatever the answer takes', async () => {
    await start({
      authorize: async ({ action, id }) => {
        await new Promise((resolve) => setImmediate(resolve));
        return action === 'create' && id === 'ok';
      },
    });
    const peer = await tcp();
    peer.write('00 00 01 02 6f6b');
    await peer.expect('00 03 01 00 00');
    peer.write('00 00 02 02 6e6f');
    await peer.expect('00 03 02 01 02');
    const other = await tcp();
    other.write('00 01 03 02 6f6b');
    await other.expect('00 03 03 01 01');
  });

  it('authorize - a peer with more requests open than it has tags is dropped', async () => {
    await start({ authorize: () => new Promise(() => undefined) });
    const peer = await tcp();
    for (let count = 0; count < 256; count += 1) peer.write('00 00 01 01 61');
    expect(await peer.ended()).to.equal('');
  });

  it('kick and block - the user gets reason byte 2, a blocked one code 1 when it comes again', async () => {
    await start();
    const [owner, user] = await pair();
    const room = relay.named('wire');
    const seat = room?.seats.get(0);
    if (room === undefined || seat === undefined) return expect.fail('no room');
    relay.block(seat);
    await user.expect('00 04 00 02 00 02');
    await owner.expect('00 05 00 01 00 00 02');
    user.write('00 01 02 04 77697265');
    await user.expect('00 03 02 01 01');
    const other = await tcp();
    other.write('00 01 01 04 77697265');
    await other.expect('00 03 01 00 00');
    relay.unblock(room, 0);
    user.write('00 01 03 04 77697265');
    await user.expect('00 03 03 00 00');
  });

  it('wrong numbers - data to channels and users that are not there is dropped, and the rest arrives', async () => {
    await start();
    const [owner, user] = await pair();
    user.write('03 05 6869 00 02 00 01 09 03 00 796f');
    await owner.expect('04 80 00 796f');
    owner.write('04 80 09 6869 04 95 00 6869 01 01 04 95 616263 00 03 00 01 09 04 80 00 6f6b');
    await user.expect('03 00 6f6b');
  });

  it('malformed - an unknown command closes the link, and frees what it held', async () => {
    await start();
    const [owner, user] = await pair();
    owner.write('00 04 00 02 00 00');
    expect(await owner.ended()).to.equal('');
    await user.expect('00 04 00 02 00 01');
    expect(relay.size).to.equal(0);
    expect(errors).to.have.length(1);
    expect(errors[0]).to.have.property('code', 'ERR_PROTOCOL');
  });

  it('silence - a connection that sends nothing is dropped after 5 s, and the other stays', async () => {
    const clock = new VirtualClock();
    await start({ clock });
    const [silent, speaking] = [await tcp(), await tcp()];
    speaking.write('00 00 01 01 61');
    await until(() => relay.size !== 0);
    clock.advance(4_999);
    await speaking.expect('00 03 01 00 00');
    expect(silent.closed).to.equal(false);
    clock.advance(1);
    expect(await silent.ended()).to.equal('');
    expect(speaking.closed).to.equal(false);
  });

  it('keep-alive - follows the last thing sent by 5 s, again and again, and never comes before it', async () => {
    const clock = new VirtualClock();
    await start({ clock });
    const peer = await tcp();
    peer.write('02 00 61');
    await until(() => server?.size !== 0 && clock.pending <= 0);
    clock.advance(20_000);
    peer.write('00 00 01 01 61');
    await until(() => relay.size !== 0);
    clock.advance(4_999);
    await peer.expect('00 03 01 00 00');
    clock.advance(1);
    await peer.expect('00 04 00 ff 00 00');
    clock.advance(5_000);
    await peer.expect('00 04 00 ff 00 00');
  });

  it('connections per address - one more is closed without a byte, and there is room again when one left', async () => {
    await start({ jointOptions: { maxPerAddress: 2 } });
    const [one] = [await tcp(), await webSocket()];
    const third = await tcp();
    expect(await third.ended()).to.equal('');
    one?.close();
    await until(() => (server?.size ?? 0) <= 1);
    const fourth = await tcp();
    fourth.write('00 00 01 01 61');
    await fourth.expect('00 03 01 00 00');
  });

  it('websocket - messages are split and joined at will, empty ones are legal, text is not', async () => {
    await start();
    const peer = await webSocket();
    peer.write('');
    peer.write('00 00');
    peer.write('');
    peer.write('01 01 61 00 00 02');
    peer.write('01 62');
    await peer.expect('00 03 01 00 00 00 03 02 00 01');
  });

  it('http - a request that is no WebSocket is answered 426 and closed', async () => {
    await start();
    const status = await new Promise((resolve, reject) => {
      const asked = request({ port: server?.port, host: '127.0.0.1', path: '/' }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject);
      asked.end();
    });
    expect(status).to.equal(426);
  });

  it('slow peer - one for whom too much waits is dropped as lost', async () => {
    await start({ maxPendingBytes: 65_536 });
    const [owner] = await pair();
    const room = relay.named('wire');
    const seat = room?.seats.get(0);
    if (seat === undefined) return expect.fail('no seat');
    const big = Buffer.alloc(32_000, 1);
    // In one turn nothing leaves, so this is what a peer that takes nothing looks like.
    const block = Buffer.concat([Buffer.from([0xfd, 0x02, 0x80, 0x00]), big]);
    owner.write(Buffer.concat([block, block, block, block, block, block]));
    await until(() => seat.left !== undefined);
    expect(seat.left).to.equal(Reason.FULL);
  });
});
