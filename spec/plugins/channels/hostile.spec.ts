import { expect } from 'chai';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, definePlugin, type Lane } from '../../../lib/index.ts';
import { BusError } from '../../../lib/base/errors.ts';
import { type OwnerEnd, Reason, type UserEnd } from '../../../lib/plugins/channels/index.ts';
import { JointClientParser } from '../../../lib/plugins/channels/joint/client-parser.ts';
import { payloadKind, nobody, ChannelFrame } from '../../../lib/plugins/channels/channel-frame.ts';
import { remote } from '../../../lib/plugins/rpc/index.ts';
import { JointPeer } from './joint/joint-peer.ts';
import { Meeting } from './meeting.ts';
import { until } from '../../support/buses.ts';

/** A client that writes on the channels lane what it likes. */
class Rogue {
  readonly client: Client;
  readonly notes: unknown[] = [];
  readonly #lane: Lane;

  constructor(url: string) {
    this.client = new Client({ url });
    let lane: Lane | undefined;
    const server = (): never => {
      throw new Error('a client only');
    };
    this.client.use(
      definePlugin({
        name: 'channels',
        server,
        client: (host) => {
          lane = host.lane({ message: (data) => void this.notes.push(data) });
          return { api: undefined };
        },
      }),
    );
    if (lane === undefined) throw new Error('no lane');
    this.#lane = lane;
  }

  send(data: unknown): void {
    this.#lane.send(this.client, data).catch(() => undefined);
  }

  frame(kind: 0 | 1 | 2 | 3, room: number, user: number, toAll: boolean, body: string): void {
    this.send(Buffer.from(new ChannelFrame(kind, room, user, toAll, Buffer.from(body)).bytes));
  }

  request(data: unknown): Promise<unknown> {
    return this.#lane.request(this.client, data, { timeout: 2_000 });
  }

  /** Resolves when the relay has dealt with everything sent so far. */
  async settled(): Promise<void> {
    await this.request(['list']);
  }
}

describe('channels and a rogue peer', () => {
  let meeting: Meeting;
  let owner: OwnerEnd;
  let user: UserEnd;
  let rogue: Rogue;
  let atOwner: string[];
  let atUser: string[];
  /** The relay's number of the room; the rogue learns it by entering. */
  let room: number;
  let token: number;

  beforeEach(async () => {
    meeting = await new Meeting('memory', { joint: { port: 0 } }).start();
    owner = await (await meeting.rooms()).create('room', { maxChunkSize: 100, maxPayloadBytes: 200 });
    user = await (await meeting.rooms()).enter('room');
    atOwner = [];
    atUser = [];
    rogue = new Rogue(`memory:${meeting.server.address?.replace('memory:', '') ?? ''}`);
    await rogue.client.connect();
    expect(await rogue.request(['enter', 1, 'room', null])).to.equal(null);
    const [, , admission, ownToken] = rogue.notes[0] as [string, number, { room: number }, number];
    room = admission.room;
    token = ownToken;
    owner.on('data', (bytes, from) => atOwner.push(`${from} ${Buffer.from(bytes).toString()}`));
    owner.on('error', (reason, from) => atOwner.push(`error ${reason} ${from ?? ''}`.trim()));
    owner.on('userDisconnect', (from, reason) => atOwner.push(`gone ${from} ${reason}`));
    user.on('data', (bytes) => atUser.push(Buffer.from(bytes).toString()));
    user.on('disconnect', (reason) => atUser.push(`disconnect ${reason}`));
  });
  afterEach(async () => {
    rogue.client.destroy();
    await meeting.close();
  });

  /** The room still works, and this is all that was heard beside it. */
  const unharmed = async (...expected: readonly string[]): Promise<void> => {
    await rogue.settled();
    await user.send(Buffer.from('ping'));
    await until(() => atOwner.includes('0 ping'));
    await owner.send(0, Buffer.from('pong'));
    await until(() => atUser.includes('pong'));
    expect(atOwner).to.deep.equal([...expected, '0 ping']);
    expect(atUser).to.deep.equal(['pong']);
  };

  it('frames that are none, of unknown rooms, or that only a relay sends - go nowhere', async () => {
    rogue.send(Buffer.alloc(0));
    rogue.send(Buffer.from([0, 1, 2]));
    rogue.send(Buffer.from([9, 0, 0, 0, 0, 0, 0, 1]));
    rogue.frame(payloadKind.data, room + 1_000, token, false, 'x');
    rogue.frame(payloadKind.stream, room, token, false, 'x');
    await unharmed();
  });

  it('frames in the name of another user, to other users, or to all - go nowhere', async () => {
    rogue.frame(payloadKind.data, room, user.user + 256, false, 'as the other');
    rogue.frame(payloadKind.data, room, token + 256, false, 'as an older self');
    rogue.frame(payloadKind.data, room, nobody, true, 'to all');
    rogue.frame(payloadKind.data, room, token, true, 'to all but me');
    await unharmed();
  });

  it('empty and oversized frames - are MALICIOUS at the owner, with the number of who sent them', async () => {
    rogue.frame(payloadKind.data, room, token, false, '');
    rogue.frame(payloadKind.chunk, room, token, false, 'x'.repeat(101));
    rogue.frame(payloadKind.data, room, token, false, 'x'.repeat(201));
    rogue.frame(payloadKind.call, room, token, false, 'x'.repeat(201));
    const trouble = `error ${Reason.MALICIOUS} 1`;
    await unharmed(trouble, trouble, trouble, trouble);
  });

  it("an owner's rights - nobody else has them", async () => {
    rogue.send(['kick', room, 256, 'out']);
    rogue.send(['block', room, 256, null]);
    rogue.send(['unblock', room, 0]);
    rogue.send(['skip', room, [256]]);
    await unharmed();
    await owner.broadcast(Buffer.from('all'));
    await until(() => atUser.includes('all'));
  });

  it('notes and requests of the wrong shape - fail for the rogue alone', async () => {
    for (const note of [
      null,
      5,
      'text',
      {},
      [],
      [null],
      ['leave'],
      ['leave', {}],
      ['kick'],
      ['kick', room],
      ['skip', room, 5],
      ['publish'],
      ['publish', 'a..b', 1],
      ['publish', 'a.*', 1],
      ['subscribe', 'a.>.b'],
      ['subscribe', 5],
      ['unsubscribe'],
      ['nonsense', 1],
    ]) {
      rogue.send(note);
    }
    for (const request of [
      null,
      5,
      {},
      [],
      ['nonsense'],
      ['create'],
      ['create', 'x', 'y'],
      ['create', 1, 5, {}],
      ['enter', 2, null, 5],
    ]) {
      const outcome = await rogue.request(request).then(
        () => 'answered',
        () => 'refused',
      );
      expect(outcome, JSON.stringify(request)).to.equal('refused');
    }
    expect(await rogue.request(['create', 9, 'of the rogue', null])).to.equal(null);
    expect(await rogue.request(['create', 10, 'another', { maxUsers: -5, maxChunkSize: 'x', flood: 7 }])).to.equal(
      null,
    );
    await unharmed();
  });

  it('calls that are none - are MALICIOUS at the owner, and the room goes on', async () => {
    remote(owner, { ping: () => 1 });
    const frames = ['', 'c1', '93', '9300', '940001', 'ff', '92ff00', '93000193c0', 'dd7fffffff', '81a16101'];
    for (const hex of frames.slice(1)) {
      rogue.send(Buffer.from(new ChannelFrame(payloadKind.call, room, token, false, Buffer.from(hex, 'hex')).bytes));
    }
    await unharmed(...frames.slice(1).map(() => `error ${Reason.MALICIOUS} 1`));
  });

  it('calls of any bytes at all - never do more than that', async () => {
    remote(owner, { ping: () => 1 });
    for (const body of fc.sample(fc.uint8Array({ minLength: 1, maxLength: 100 }), { numRuns: 300, seed: 1 })) {
      rogue.send(Buffer.from(new ChannelFrame(payloadKind.call, room, token, false, body).bytes));
    }
    await rogue.settled();
    await user.send(Buffer.from('ping'));
    await until(() => atOwner.includes('0 ping'));
    expect(new Set(atOwner)).to.have.all.keys('0 ping', `error ${Reason.MALICIOUS} 1`);
  });

  it('joint bytes of any kind - close that connection at the worst', async () => {
    for (const bytes of fc.sample(fc.uint8Array({ minLength: 1, maxLength: 200 }), { numRuns: 50, seed: 2 })) {
      const peer = await JointPeer.tcp(meeting.relay.jointPort ?? 0);
      peer.write(bytes);
      await new Promise((resolve) => setImmediate(resolve));
      peer.close();
    }
    await unharmed();
  });
});

describe('joint parser', () => {
  it('any bytes, however split - are read the same way, or refused with the same error', () => {
    const outcome = (parts: readonly Uint8Array[]): string => {
      const heard: string[] = [];
      const note =
        (name: string) =>
        (...args: readonly unknown[]): void => {
          const bytes = args.at(-1);
          const head = `${name} ${args.filter((arg) => !(arg instanceof Uint8Array)).join(' ')}:`;
          const text = bytes instanceof Uint8Array ? Buffer.from(bytes).toString('hex') : '';
          if (heard.at(-1)?.startsWith(head) === true && name.startsWith('to')) heard[heard.length - 1] += text;
          else heard.push(head + text);
        };
      const parser = new JointClientParser({
        create: note('create'),
        enter: note('enter'),
        leave: note('leave'),
        remove: note('remove'),
        toOwner: note('toOwner'),
        toUser: note('toUser'),
        broadcast: note('toAll'),
      });
      try {
        for (const part of parts) parser.feed(part);
      } catch (error) {
        if (!(error instanceof BusError)) throw error;
        heard.push(error.message);
      }
      return heard.join('\n');
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, at) => {
        const whole = outcome([bytes]);
        expect(outcome([bytes.subarray(0, at), bytes.subarray(at)])).to.equal(whole);
        expect(outcome(Array.from(bytes, (byte) => Uint8Array.of(byte)))).to.equal(whole);
      }),
      { numRuns: 2_000, seed: 3 },
    );
  });
});
