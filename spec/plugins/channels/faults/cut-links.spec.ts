import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Random } from '../../../../lib/base/random.ts';
import { Client, Server } from '../../../../lib/index.ts';
import { channels, type OwnerEnd, Reason, type Rooms, type UserEnd } from '../../../../lib/plugins/channels/index.ts';
import { MemoryFaults, MemoryNetwork, VirtualClock } from '../../../../lib/testing/index.ts';

/** A small generator, good enough to choose faults, the same for the same seed. */
function seeded(seed: number): Random {
  let state = seed >>> 0;
  const unit = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
  return { unit, bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(unit() * 256)) };
}

/** A bus on a virtual clock whose links a spec can cut. */
class Bench {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly faults: MemoryFaults;
  readonly server: Server;
  readonly #clients: Client[] = [];
  readonly #network: MemoryNetwork;
  cuts = 0;
  /** Nobody gets a new link while this is set. */
  refuse = false;

  constructor(seed: number, sliceBytes: number | undefined) {
    this.random = seeded(seed);
    const slices = sliceBytes === undefined ? undefined : { toServer: { sliceBytes }, toClient: { sliceBytes } };
    this.faults = new MemoryFaults({ random: this.random, plan: () => ({ ...slices, refuse: this.refuse }) });
    this.#network = new MemoryNetwork({ faults: this.faults });
    this.server = new Server({ ...this.#options(), url: 'memory:relay' });
    this.server.use(channels());
  }

  async start(): Promise<void> {
    await this.settle(this.server.start());
  }

  async rooms(): Promise<Rooms> {
    const client = new Client({ ...this.#options(), url: 'memory:relay', reconnect: true });
    this.#clients.push(client);
    const rooms = client.use(channels());
    await this.settle(client.connect());
    return rooms;
  }

  /** Lets time pass until the promise is settled. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let done = false;
    const finished = promise.finally(() => {
      done = true;
    });
    finished.catch(() => undefined);
    for (let round = 0; round < 10_000 && !done; round += 1) await this.clock.run(1);
    return finished;
  }

  /** Lets time pass, a link cut now and then, until `condition` holds. */
  async untilCutting(condition: () => boolean, cutting: () => boolean): Promise<void> {
    for (let round = 0; round < 200_000 && !condition(); round += 1) {
      if (cutting() && this.random.unit() < 0.15) this.#cut();
      await this.clock.run(1 + Math.floor(this.random.unit() * 5));
    }
    expect(condition()).to.equal(true);
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.settle(this.server.close());
  }

  #cut(): void {
    const pairs = [...this.faults.pairs];
    const pair = pairs[Math.floor(this.random.unit() * pairs.length)];
    if (pair === undefined) return;
    this.cuts += 1;
    pair.cut();
  }

  #options(): { clock: VirtualClock; random: Random; network: MemoryNetwork } {
    return { clock: this.clock, random: this.random, network: this.#network };
  }
}

function numbered(index: number, size: number): Buffer {
  const chunk = Buffer.alloc(Math.max(4, size), index & 255);
  chunk.writeUInt32LE(index, 0);
  return chunk;
}

for (const [seed, sliceBytes] of [
  [1, undefined],
  [2, 1_000],
  [3, 37],
] as const) {
  describe(`channels over links that break (seed ${seed})`, () => {
    it('chunks - none is lost, doubled or out of order, both ways, and nobody leaves', async () => {
      const bench = new Bench(seed, sliceBytes);
      await bench.start();
      const total = 1_200;
      const owner: OwnerEnd = await bench.settle((await bench.rooms()).create('room'));
      const users: UserEnd[] = [];
      for (let count = 0; count < 3; count += 1) users.push(await bench.settle((await bench.rooms()).enter('room')));
      const atOwner: number[][] = users.map(() => []);
      const atUsers: number[][] = users.map(() => []);
      const gone: unknown[] = [];
      const broken: string[] = [];
      const read = (bytes: Uint8Array): number => {
        const chunk = Buffer.from(bytes);
        const index = chunk.readUInt32LE(0);
        if (chunk.subarray(4).some((byte) => byte !== (index & 255))) broken.push(`chunk ${index} is damaged`);
        return index;
      };
      owner.on('chunk', (bytes, user) => atOwner[user]?.push(read(bytes)));
      owner.on('userDisconnect', (...args) => gone.push(args));
      owner.on('error', (...args) => gone.push(args));
      for (const [index, user] of users.entries()) {
        user.on('chunk', (bytes) => atUsers[index]?.push(read(bytes)));
        user.on('disconnect', (...args) => gone.push(args));
      }
      let sent = 0;
      const done = (): boolean => [...atOwner, ...atUsers].every((list) => list.length >= total);
      await bench.untilCutting(done, () => {
        for (let burst = 0; burst < 2 && sent < total; burst += 1) {
          const size = Math.floor(bench.random.unit() * 3_000);
          for (const user of users) void user.sendChunk(numbered(sent, size));
          if (sent % 2 === 0) void owner.broadcastChunk(numbered(sent, size));
          else for (const user of users) void owner.sendChunk(user.user, numbered(sent, size));
          sent += 1;
        }
        return sent < total;
      });
      const expected = Array.from({ length: total }, (_, index) => index);
      for (const list of [...atOwner, ...atUsers]) expect(list).to.deep.equal(expected);
      expect(gone).to.deep.equal([]);
      expect(broken).to.deep.equal([]);
      expect(bench.cuts).to.be.greaterThan(10);
      await bench.close();
    });
  });
}

describe('channels and a session that is given up', () => {
  it('a user that is cut off for good - leaves with DISCONNECT, and not before', async () => {
    const bench = new Bench(7, undefined);
    await bench.start();
    const owner = await bench.settle((await bench.rooms()).create('room'));
    const user = await bench.settle((await bench.rooms()).enter('room'));
    const gone: { readonly reason: Reason; readonly afterMs: number }[] = [];
    const start = bench.clock.now();
    owner.on('userDisconnect', (_user, reason) => gone.push({ reason, afterMs: bench.clock.now() - start }));
    bench.refuse = true;
    for (const pair of [...bench.faults.pairs]) if (pair.number > 0) pair.cut();
    for (let second = 0; second < 400 && gone.length === 0; second += 1) await bench.clock.run(1_000);
    expect(gone.map(({ reason }) => reason)).to.deep.equal([Reason.DISCONNECT]);
    // The session is kept for two minutes.
    expect(gone[0]?.afterMs).to.be.within(120_000, 121_000);
    expect(user.user).to.equal(0);
    await bench.close();
  });

  it('a client that lost its session - hears so at every end, and its subscriptions go on in the next one', async () => {
    const bench = new Bench(8, undefined);
    await bench.start();
    const rooms = await bench.rooms();
    const others = await bench.rooms();
    const owner = await bench.settle(rooms.create('room'));
    await bench.settle(others.create('other'));
    const user = await bench.settle(rooms.enter('other'));
    const heard: string[] = [];
    owner.on('error', (reason) => heard.push(`owner error ${reason}`));
    user.on('error', (reason) => heard.push(`user error ${reason}`));
    user.on('disconnect', (reason) => heard.push(`user disconnect ${reason}`));
    const topics: unknown[] = [];
    rooms.subscribe('a.*', (data) => topics.push(data));
    bench.refuse = true;
    for (const pair of [...bench.faults.pairs]) if (pair.number === 0) pair.cut();
    for (let second = 0; second < 130; second += 1) await bench.clock.run(1_000);
    bench.refuse = false;
    for (let second = 0; second < 60 && heard.length < 3; second += 1) await bench.clock.run(1_000);
    expect(heard).to.have.members([
      `owner error ${Reason.CLOSE}`,
      `user error ${Reason.CLOSE}`,
      `user disconnect ${Reason.DISCONNECT}`,
    ]);
    expect([owner.closed, user.closed]).to.deep.equal([Reason.CLOSE, Reason.DISCONNECT]);
    await bench.settle(rooms.create('room'));
    await bench.settle(others.publish('a.b', 'still here'));
    await bench.clock.run(100);
    expect(topics).to.deep.equal(['still here']);
    await bench.close();
  });
});

describe('a user that takes nothing for a while', () => {
  it('order - it gets everything in order afterwards, and the others do not wait for it', async () => {
    const bench = new Bench(9, undefined);
    await bench.start();
    const owner = await bench.settle((await bench.rooms()).create('room'));
    const slow = await bench.settle((await bench.rooms()).enter('room'));
    const quick = await bench.settle((await bench.rooms()).enter('room'));
    const got: { slow: number[]; quick: number[] } = { slow: [], quick: [] };
    slow.on('chunk', (bytes) => got.slow.push(Buffer.from(bytes).readUInt32LE(0)));
    quick.on('chunk', (bytes) => got.quick.push(Buffer.from(bytes).readUInt32LE(0)));
    await bench.clock.run(10);
    const pair = [...bench.faults.pairs].find(({ number }) => number === 1);
    pair?.blackHole('toClient');
    const everything: number[] = [];
    const toAll: number[] = [];
    let waiting = 0;
    for (let index = 0; index < 800; index += 1) {
      everything.push(index);
      const chunk = numbered(index, 32_000);
      if (index % 20 === 0) {
        toAll.push(index);
        void owner.broadcastChunk(chunk);
      } else {
        waiting += 1;
        void owner.sendChunk(slow.user, chunk).then(() => {
          waiting -= 1;
        });
      }
      await bench.clock.run(1);
    }
    // More waits for the slow one than its session holds, so its owner's sends wait too; broadcasts do not.
    expect(waiting).to.be.greaterThan(50);
    expect(got.quick).to.deep.equal(toAll);
    expect(got.slow).to.deep.equal([]);
    pair?.heal();
    for (let round = 0; round < 2_000 && got.slow.length < everything.length; round += 1) await bench.clock.run(1);
    expect(got.slow).to.deep.equal(everything);
    expect(waiting).to.equal(0);
    await bench.close();
  });

  it('too much - it is put out with FULL, and the others go on', async () => {
    const bench = new Bench(10, undefined);
    await bench.start();
    const owner = await bench.settle((await bench.rooms()).create('room'));
    const slow = await bench.settle((await bench.rooms()).enter('room'));
    const quick = await bench.settle((await bench.rooms()).enter('room'));
    const [atOwner, atQuick]: [string[], number[]] = [[], []];
    owner.on('error', (reason, user) => atOwner.push(`error ${reason} ${user ?? ''}`));
    owner.on('userDisconnect', (user, reason) => atOwner.push(`gone ${user} ${reason}`));
    quick.on('chunk', (bytes) => atQuick.push(bytes.length));
    await bench.clock.run(10);
    const pair = [...bench.faults.pairs].find(({ number }) => number === 1);
    pair?.blackHole('toClient');
    for (let index = 0; index < 900; index += 1) {
      void owner.broadcastChunk(numbered(index, 32_000));
      await bench.clock.run(1);
    }
    expect(atOwner).to.deep.equal([`error ${Reason.FULL} ${slow.user}`, `gone ${slow.user} ${Reason.FULL}`]);
    await bench.clock.run(100);
    expect(atQuick).to.have.length(900);
    await bench.close();
  });
});
