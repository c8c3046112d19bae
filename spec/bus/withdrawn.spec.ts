import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, type Connection, definePlugin, type Lane, type PeerHandle, Server } from '../../lib/index.ts';
import { callOptions, proxy, remote } from '../../lib/plugins/rpc/index.ts';
import { MemoryFaults, MemoryNetwork, VirtualClock } from '../../lib/testing/index.ts';
import { eager } from '../support/buses.ts';

interface Settings {
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

interface JobMethods {
  begin(job: unknown): Promise<void>;
}

/** What brings a link to the byte where it breaks. */
const padding = Buffer.alloc(3_000);
const isPadding = (data: unknown): boolean => Buffer.isBuffer(data) && data.equals(padding);

/** A plugin whose requests are begun as the user's are. */
const lanes = (begun: unknown[]) => {
  const open = (host: { lane(handlers: object): Lane }): { api: Lane } => ({
    api: host.lane({ request: (job: unknown) => void begun.push(job) }),
  });
  return definePlugin<Lane, Lane>({ name: 'jobs', server: open, client: open });
};

/** A client and its server in virtual time, over a link that can be taken away; `begun` is what either was asked to do. */
class World {
  readonly clock = new VirtualClock();
  readonly begun: unknown[] = [];
  /** Bytes after which the first link breaks, either way. */
  cutAtByte: number | undefined;
  refuse = false;
  readonly faults = new MemoryFaults({
    random: eager,
    plan: (_name, number) => ({
      refuse: this.refuse,
      ...(number === 0 && this.cutAtByte !== undefined
        ? { toServer: { cutAtByte: this.cutAtByte }, toClient: { cutAtByte: this.cutAtByte } }
        : {}),
    }),
  });
  readonly #common = { clock: this.clock, random: eager, network: new MemoryNetwork({ faults: this.faults }) };
  readonly server = new Server({ url: 'memory:world', ...this.#common });
  readonly client = new Client({ url: 'memory:world', maxRetryTime: 100, ...this.#common });
  readonly outcomes: string[] = [];
  readonly lanes = { server: this.server.use(lanes(this.begun)), client: this.client.use(lanes(this.begun)) };

  constructor() {
    this.server.handle((job) => void this.begun.push(job));
    this.client.handle((job) => void this.begun.push(job));
    const heard = (job: unknown): void => void (isPadding(job) || this.begun.push(job));
    this.server.on('message', heard);
    this.client.on('message', heard);
    for (const end of [this.server, this.client]) remote(end, { begin: (job: unknown) => void this.begun.push(job) });
    this.client.on('session', ({ outcome }) => this.outcomes.push(outcome));
    this.client.on('error', () => undefined);
    this.server.on('error', () => undefined);
  }

  get connection(): Connection {
    return this.server.connections[0]!;
  }

  get isDown(): boolean {
    return this.faults.pairs.size === 0;
  }

  async open(): Promise<void> {
    await this.server.start();
    await this.during(this.client.connect());
    await this.clock.run(500);
  }

  async during<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = (): void => void (settled = true);
    promise.then(done, done);
    for (let steps = 0; !settled && steps < 20_000; steps++) await this.clock.run(10);
    if (!settled) throw new Error('it never settled');
    return promise;
  }

  async down(): Promise<void> {
    this.refuse = true;
    for (const pair of this.faults.pairs) pair.cut();
    await this.clock.run(10);
  }

  async up(): Promise<void> {
    this.refuse = false;
    for (let steps = 0; this.isDown && steps < 200; steps++) await this.clock.run(50);
    await this.clock.run(500);
  }

  async end(): Promise<void> {
    this.client.destroy();
    await this.during(this.server.close());
    await this.clock.run(20_000);
  }
}

type Ask = (world: World, job: unknown, settings: Settings) => Promise<unknown>;

const lane =
  (side: 'server' | 'client'): Ask =>
  (world, job, settings) => {
    const peer: PeerHandle = side === 'server' ? world.connection : world.client;
    return world.lanes[side].request(peer, job, settings);
  };

/** Every way to ask for something to be begun. */
const ways: Record<string, Ask> = {
  'client.request': ({ client }, job, settings) => client.request(job, settings),
  'client.request, idempotent': ({ client }, job, settings) => client.request(job, { ...settings, idempotent: true }),
  'connection.request': ({ connection }, job, settings) => connection.request(job, settings),
  'client.send, confirmed': ({ client }, job, settings) => client.send(job, { ...settings, confirm: true }),
  'connection.send, confirmed': ({ connection }, job, settings) => connection.send(job, { ...settings, confirm: true }),
  'server.survey': ({ server }, job, settings) => server.survey(job, settings),
  'server.surveyStream': async ({ server }, job, settings) => {
    for await (const _ of server.surveyStream(job, settings));
  },
  'lane.request of a client': lane('client'),
  'lane.request of a server': lane('server'),
  'a call of a client': ({ client }, job, settings) => proxy<JobMethods>(client).begin(job, callOptions(settings)),
  'a call of a server': ({ server, connection }, job, settings) =>
    proxy<JobMethods>(server, connection).begin(job, callOptions(settings)),
};

const filler = 'x'.repeat(200_000);
const bodies: Record<string, (name: string) => unknown> = {
  'a record': (job) => ({ job, of: 'records' }),
  'a body that is cut': (job) => ({ job, filler }),
  'binary data': (job) => Buffer.from(job),
  'binary data that is cut': (job) => Buffer.from(`${job}${filler}`),
};

const outcome = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'answered',
    ({ code }: { code: string }) => code,
  );

/** Asks twice, to be given up by time and by signal, and returns what to do for that. */
function askInVain(world: World, ask: Ask, body: (name: string) => unknown): () => Promise<unknown[]> {
  const controller = new AbortController();
  const asked = [
    outcome(ask(world, body('timed out'), { timeout: 300 })),
    outcome(ask(world, body('aborted'), { signal: controller.signal, timeout: 0 })),
  ];
  return async () => {
    await world.clock.run(400);
    controller.abort();
    return world.during(Promise.all(asked));
  };
}

describe('work that was withdrawn', () => {
  for (const [way, ask] of Object.entries(ways)) {
    for (const [kind, body] of Object.entries(bodies)) {
      it(`${way} with ${kind} - is not begun when it was given up without a link`, async () => {
        const world = new World();
        await world.open();
        await world.down();
        const giveUp = askInVain(world, ask, body);
        const kept = ask(world, body('kept'), { timeout: 20_000 });
        await giveUp();
        await world.up();
        await world.during(kept);
        await world.during(ask(world, body('next'), { timeout: 20_000 }));
        expect(world.begun).to.deep.equal([body('kept'), body('next')]);
        expect(world.outcomes).to.deep.equal(['fresh', 'resumed']);
        await world.end();
      });
    }

    it(`${way} - is not begun when the link broke at any byte of it`, async () => {
      const sizes = [0, 5, 11, 13, 17, 30, 65_000, 65_700, 140_000, 199_999];
      for (const size of sizes) {
        const world = new World();
        // Whatever came before has fewer bytes than this.
        world.cutAtByte = 4_096 + size;
        await world.open();
        const before = padding;
        await world.during(world.client.send(before));
        await world.during(world.connection.send(before));
        await world.clock.run(200);
        const body = (job: string): unknown => ({ job, filler });
        world.refuse = true;
        const giveUp = askInVain(world, ask, body);
        await world.clock.run(1);
        const broke = world.isDown;
        if (!broke) await world.down();
        await giveUp();
        const begun = world.begun.splice(0);
        expect(begun.length, `begun before the link broke at ${size}`).to.be.at.most(1);
        await world.up();
        await world.during(ask(world, body('next'), { timeout: 20_000 }));
        expect(broke, `the link broke at ${size}`).to.equal(true);
        expect(
          world.begun.map((job) => (job as { job: string }).job),
          `cut at ${size}`,
        ).to.deep.equal(['next']);
        await world.end();
      }
    });
  }

  it('pings - are not answered when they were given up without a link', async () => {
    const world = new World();
    await world.open();
    await world.down();
    const asked = [outcome(world.client.ping('x', 200)), outcome(world.connection.ping('x', 200))];
    expect(await world.during(Promise.all(asked))).to.deep.equal(['ERR_TIMEOUT', 'ERR_TIMEOUT']);
    await world.up();
    expect([world.client.lateResponses, world.connection.lateResponses]).to.deep.equal([0, 0]);
    await world.end();
  });

  it('what is withdrawn while it is cut into frames - is not begun', async () => {
    for (const side of ['client', 'connection'] as const) {
      const world = new World();
      await world.open();
      for (const pair of world.faults.pairs) pair.blackHole();
      const controller = new AbortController();
      const job = { job: 'aborted', filler: 'x'.repeat(12_000_000) };
      const given = outcome(world[side].request(job, { signal: controller.signal, timeout: 0 }));
      await world.clock.run(100);
      controller.abort();
      expect(await world.during(given)).to.equal('ERR_ABORTED');
      for (const pair of world.faults.pairs) pair.heal();
      await world.during(world[side].request('next'));
      expect(world.begun).to.deep.equal(['next']);
      await world.end();
    }
  });

  it('a request whose time is over when a pause ends - is not begun, though nobody could say so', async () => {
    const world = new World();
    await world.open();
    const given = [outcome(world.client.request('late', 300)), outcome(world.connection.request('late', 300))];
    world.server.pause();
    world.client.pause();
    await world.clock.run(5);
    await world.down();
    expect(await world.during(Promise.all(given))).to.deep.equal(['ERR_TIMEOUT', 'ERR_TIMEOUT']);
    world.server.resume();
    world.client.resume();
    await world.clock.run(10);
    expect(world.begun).to.deep.equal([]);
    await world.up();
    await world.during(world.client.request('next'));
    expect(world.begun).to.deep.equal(['next']);
    await world.end();
  });

  it('context.deadline - is what the requester will still wait, also when it was sent again or waited for a link', async () => {
    for (const side of ['client', 'connection'] as const) {
      for (const size of [10, 200_000]) {
        const world = new World();
        await world.open();
        const left: unknown[] = [];
        world.server.handle((_job, { deadline }) => void left.push(deadline));
        world.client.handle((_job, { deadline }) => void left.push(deadline));
        for (const pair of world.faults.pairs) pair.blackHole();
        const asked = [world[side].request('x'.repeat(size), 20_000)];
        await world.clock.run(100);
        await world.down();
        asked.push(world[side].request(Buffer.alloc(size), 20_000));
        asked.push(world[side].request(undefined, 20_000));
        await world.clock.run(5_000);
        await world.up();
        await world.during(Promise.all(asked));
        expect(left).to.have.length(3);
        for (const ms of left) expect(ms).to.be.within(14_000, 14_995);
        await world.end();
      }
    }
  });
});
