import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client } from '../../../../lib/index.ts';
import {
  channels,
  ChannelError,
  OfflineNetwork,
  type OwnerEnd,
  Reason,
  type Rooms,
  type UserEnd,
} from '../../../../lib/plugins/channels/index.ts';
import { VirtualClock } from '../../../../lib/testing/virtual-clock.ts';

const model = { offline: true, netLag: 100, netSpeed: 10_000 } as const;

describe('offline channels', () => {
  let clock: VirtualClock;
  let network: OfflineNetwork;
  const opened: Rooms[] = [];

  beforeEach(() => {
    clock = new VirtualClock();
    network = new OfflineNetwork();
  });
  afterEach(() => {
    for (const rooms of opened.splice(0)) rooms.closeAll();
  });

  /** A client that never connects. */
  const rooms = (): Rooms => {
    const made = new Client({ url: 'memory:nowhere', clock }).use(channels({}, network));
    opened.push(made);
    return made;
  };
  const after = async <T>(ms: number, promise: Promise<T>): Promise<T> => {
    await clock.run(ms);
    return promise;
  };
  const pair = async (): Promise<[OwnerEnd, UserEnd]> => {
    const owner = await after(100, rooms().create('room', model));
    return [owner, await after(100, rooms().enter('room', model))];
  };
  const arrivals = (end: OwnerEnd | UserEnd, event: 'data' | 'chunk'): string[] => {
    const heard: string[] = [];
    const start = clock.now();
    const note = (...[bytes]: readonly unknown[]): void => {
      if (bytes instanceof Uint8Array) heard.push(`${clock.now() - start}: ${bytes.length}`);
    };
    if ('close' in end) end.on(event, note);
    else end.on(event, note);
    return heard;
  };

  it('create and enter - take the lag, and the owner hears of the user before the user is in', async () => {
    const order: string[] = [];
    const creating = rooms().create('room', model);
    void creating.then(() => order.push(`created ${clock.now()}`));
    await clock.run(99);
    expect(order).to.deep.equal([]);
    const owner = await after(1, creating);
    owner.on('userConnect', (user) => order.push(`user ${user} ${clock.now()}`));
    const entering = rooms().enter('room', { ...model, onEnter: () => order.push(`entered ${clock.now()}`) });
    await clock.run(100);
    await entering;
    expect(order).to.deep.equal(['created 100', 'user 0 200', 'entered 200']);
  });

  it("lag - is the owner's for a user who gives none, and each value he gives is his", async () => {
    const owner = await after(100, rooms().create('room', model));
    owner.on('userConnect', () => undefined);
    const ways = [
      { given: {}, enters: 100, arrives: '200: 1000' },
      { given: { netLag: 50 }, enters: 50, arrives: '150: 1000' },
      { given: { netSpeed: 100_000 }, enters: 100, arrives: '110: 1000' },
      { given: { netLag: 1, netSpeed: Number.POSITIVE_INFINITY }, enters: 1, arrives: '1: 1000' },
    ];
    for (const { given, enters, arrives } of ways) {
      const entering = rooms().enter('room', { offline: true, ...given });
      let entered = false;
      void entering.then(() => (entered = true));
      await clock.run(enters - 1);
      expect(entered, JSON.stringify(given)).to.equal(false);
      const user = await after(1, entering);
      const heard: string[] = [];
      const start = clock.now();
      owner.on('data', ({ length }) => heard.push(`${clock.now() - start}: ${length}`));
      await user.send(Buffer.alloc(1_000));
      await clock.run(1_000);
      expect(heard.slice(0, 1), JSON.stringify(given)).to.deep.equal([arrives]);
    }
  });

  it('lag - sends of 1000, 1000 and 10 bytes in a row arrive one after the other', async () => {
    const [owner, user] = await pair();
    const heard = arrivals(owner, 'data');
    for (const size of [1_000, 1_000, 10]) void user.send(Buffer.alloc(size, 1));
    await clock.run(1_000);
    expect(heard).to.deep.equal(['200: 1000', '400: 1000', '501: 10']);
  });

  it('lag - a pause between sends counts, and after a long one nothing is left of it', async () => {
    const [owner, user] = await pair();
    const heard = arrivals(owner, 'data');
    void user.send(Buffer.alloc(1_000, 1));
    await clock.run(1);
    void user.send(Buffer.alloc(1_000, 1));
    await clock.run(1);
    void user.send(Buffer.alloc(10, 1));
    await clock.run(1_998);
    void user.send(Buffer.alloc(1_000, 1));
    await clock.run(1_000);
    expect(heard).to.deep.equal(['200: 1000', '400: 1000', '501: 10', '2200: 1000']);
  });

  it('lag - a chunk is two sends, its header and its body', async () => {
    const [owner, user] = await pair();
    const heard = arrivals(user, 'chunk');
    void owner.sendChunk(0, Buffer.alloc(1_000, 1));
    await clock.run(1_000);
    expect(heard).to.deep.equal(['300: 1000']);
  });

  it('lag - one sender has one line for all its users, in order', async () => {
    const [owner, first] = await pair();
    const second = await after(100, rooms().enter('room', model));
    const [one, two] = [arrivals(first, 'data'), arrivals(second, 'data')];
    void owner.send(0, Buffer.alloc(1_000, 1));
    void owner.send(1, Buffer.alloc(500, 1));
    void owner.broadcast(Buffer.alloc(10, 1));
    await clock.run(1_000);
    expect(one).to.deep.equal(['200: 1000', '451: 10']);
    expect(two).to.deep.equal(['350: 500', '451: 10']);
  });

  it('what was sent before leaving or closing still arrives', async () => {
    const [owner, user] = await pair();
    const heard: string[] = [];
    owner.on('data', (bytes) => heard.push(String(bytes.length)));
    owner.on('userDisconnect', (_user, reason) => heard.push(`gone ${reason}`));
    void user.send(Buffer.alloc(5, 1));
    user.leave();
    await clock.run(1_000);
    expect(heard).to.deep.equal(['5', `gone ${Reason.CLOSE}`]);
  });

  it('data - what the sender does with its bytes afterwards changes nothing', async () => {
    const [owner, user] = await pair();
    const heard: string[] = [];
    owner.on('data', (bytes) => heard.push(Buffer.from(bytes).toString()));
    const bytes = Buffer.from('before');
    void user.send(bytes);
    bytes.write('after!');
    await clock.run(1_000);
    expect(heard).to.deep.equal(['before']);
  });

  it('refusals - an id that does not exist is ID, one that is taken too', async () => {
    const first = rooms();
    const outcome = first.enter('nowhere', model).catch((error: unknown) => error);
    expect(await after(100, outcome))
      .to.be.instanceOf(ChannelError)
      .with.property('reason', Reason.ID);
    await after(100, first.create('room', model));
    const taken = rooms()
      .create('room', model)
      .catch((error: unknown) => error);
    expect(await after(100, taken))
      .to.be.instanceOf(ChannelError)
      .with.property('reason', Reason.ID);
  });

  it('kick, block and close - as over a relay', async () => {
    const [owner, user] = await pair();
    const heard: unknown[] = [];
    user.on('disconnect', (reason, text) => heard.push([reason, text]));
    owner.kick(0, 'out');
    expect(heard).to.deep.equal([[Reason.KICK, 'out']]);
    const visitors = rooms();
    const again = await after(100, visitors.enter('room', model));
    owner.block(0);
    expect(again.closed).to.equal(Reason.KICK);
    const refused = visitors.enter('room', model).catch((error: unknown) => error);
    expect(await after(100, refused)).to.have.property('reason', Reason.KICK);
    owner.unblock(0);
    const last = await after(100, visitors.enter('room', model));
    owner.close();
    expect(last.closed).to.equal(Reason.CLOSE);
  });

  it('broadcast - leaves out the one it is told to', async () => {
    const [owner, first] = await pair();
    const second = await after(100, rooms().enter('room', model));
    const [one, two] = [arrivals(first, 'chunk'), arrivals(second, 'chunk')];
    void owner.broadcastChunk(Buffer.alloc(3, 1), { except: 0 });
    await clock.run(1_000);
    expect([one.length, two.length]).to.deep.equal([0, 1]);
  });

  it('determinism - the same calls give the same run', async () => {
    const run = async (): Promise<string[]> => {
      clock = new VirtualClock();
      network = new OfflineNetwork();
      const [owner, user] = await pair();
      const heard = arrivals(owner, 'data');
      for (let index = 1; index <= 50; index += 1) {
        void user.send(Buffer.alloc(((index * 7_919) % 1_500) + 1, 1));
        await clock.run((index * 31) % 90);
      }
      await clock.run(100_000);
      return heard;
    };
    const first = await run();
    expect(first).to.have.length(50);
    expect(await run()).to.deep.equal(first);
  });

  it('nothing is left - of timers when all is done', async () => {
    const [owner, user] = await pair();
    void user.send(Buffer.alloc(10, 1));
    await clock.run(1_000);
    user.leave();
    owner.close();
    expect(clock.pending).to.equal(0);
  });
});
