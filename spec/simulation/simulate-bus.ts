import { Client, type Connection, Server } from '../../lib/index.ts';
import { MemoryFaults, MemoryNetwork, SeededRandom } from '../../lib/testing/index.ts';
import { BusBooks } from './bus-books.ts';
import { SimClock } from './sim-clock.ts';

export interface BusOutcome {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly taken: number;
  readonly resumed: number;
  readonly lost: number;
  /** Virtual milliseconds; equal for equal runs. */
  readonly endedAt: number;
}

/** One run of a real server and real clients over memory links, under a clock of its own. */
class BusRun {
  readonly clock = new SimClock({ maxSteps: 100_000 });
  readonly random: SeededRandom;
  readonly books = new BusBooks();
  readonly #faults: MemoryFaults;
  readonly #network: MemoryNetwork;
  readonly #server: Server;
  readonly #clients: Client[] = [];
  readonly #limits: object;
  #refuses = false;
  #made = 0;
  /** Something was lost for a reason that may lose it. */
  #mayLose = false;
  #closing = false;
  resumed = 0;
  lost = 0;

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.random = random;
    this.#faults = new MemoryFaults({
      random,
      plan: () => ({
        refuse: this.#refuses,
        toServer: this.#directionFaults(),
        toClient: this.#directionFaults(),
      }),
    });
    this.#network = new MemoryNetwork({ faults: this.#faults });
    this.#limits = {
      clock: this.clock,
      random,
      network: this.#network,
      heartbeatIntervalMs: 300,
      heartbeatTimeoutMs: 200,
      handshakeTimeoutMs: 500,
      closeTimeoutMs: 1_000,
      maxUnackedBytes: random.pick([1_024, 4_096, 1_000_000]),
      maxPendingMessages: random.pick([3, 50, 10_000]),
    };
    this.#server = this.#newServer();
  }

  async run(): Promise<void> {
    const { clock, random } = this;
    await this.#settle(this.#server.start());
    for (let count = random.between(1, 3); count > 0; count--) this.#addClient();
    await clock.run(50);
    for (let fault = random.between(8, 12); fault > 0; fault--) {
      for (let step = random.between(1, 3); step > 0; step--) {
        this.#work();
        await clock.run(random.between(0, 60));
      }
      this.#strike();
    }
    this.#refuses = false;
    for (const pair of this.#faults.pairs) pair.heal();
    this.#server.resume();
    for (const client of this.#clients) client.resume();
    await clock.run(15_000);
    this.#closing = true;
    // A session whose client never read the server's hello is nobody's, and is lost with what was sent to it.
    const owned = new Set(this.#clients.map(({ id }) => id));
    if (this.#server.connections.some(({ id }) => !owned.has(id))) this.#mayLose = true;
    for (const client of this.#clients) void this.books.follow('close', client.close());
    await clock.run(3_000);
    void this.books.follow('close', this.#server.close());
    await clock.run(20_000);
  }

  finish(seed: number): BusOutcome {
    const violations = this.books.audit(!this.#mayLose);
    if (this.clock.pending > 0) violations.push(`${this.clock.pending} timers are left`);
    const { resumed, lost } = this;
    return { seed, violations, taken: this.books.taken, resumed, lost, endedAt: this.clock.now() };
  }

  #directionFaults(): object {
    const { random } = this;
    return {
      cutAtByte: random.chance(0.3) ? random.between(1, 3_000) : undefined,
      blackHoleAtByte: random.chance(0.1) ? random.between(1, 3_000) : undefined,
      sliceBytes: random.chance(0.3) ? random.between(1, 200) : undefined,
    };
  }

  #newServer(): Server {
    const { books, clock, random } = this;
    const sessionGraceMs = random.pick([800, 60_000]);
    const server = new Server({ url: 'memory:bus', sessionGraceMs, surveyGraceMs: 200, ...this.#limits });
    server.on('message', (data) => books.took(data));
    server.on('connect', (connection) => {
      connection.on('undelivered', (messages) => books.undelivered(messages));
    });
    server.on('disconnect', () => {
      if (!this.#closing) this.#mayLose = true;
    });
    server.handle(async (data, { signal }) => {
      books.handled(data);
      const { request } = data as { request: string };
      if (random.chance(0.5)) await new Promise<void>((done) => clock.setTimer(done, random.between(0, 300)));
      if (signal.aborted) throw new Error('nobody waits');
      return `answer to ${request}`;
    });
    return server;
  }

  #addClient(): void {
    const { books, random } = this;
    const url = `memory:bus?netLag=${random.pick([0, 1, 20])}`;
    const client = new Client({ url, retries: Number.POSITIVE_INFINITY, maxRetryTime: 400, ...this.#limits });
    client.on('message', (data) => books.took(data));
    client.on('undelivered', (messages) => books.undelivered(messages));
    client.on('session', ({ outcome }) => {
      if (outcome === 'resumed') this.resumed += 1;
      if (outcome === 'lost') this.lost += 1;
    });
    client.handle((data) => {
      books.handled(data);
      return `answer to ${(data as { request: string }).request}`;
    });
    this.#clients.push(client);
    void this.#settle(client.connect(`client ${++this.#made}`));
    Object.assign(client, { specName: `client ${this.#made}` });
  }

  #settle(promise: Promise<unknown>): Promise<unknown> {
    return this.books.follow('start', promise).catch(() => {});
  }

  #work(): void {
    const { books, random } = this;
    for (const client of this.#clients) {
      if (client.status === 0) continue;
      for (let sends = random.between(0, 8); sends > 0; sends--) {
        const data = books.message((client as unknown as { specName: string }).specName);
        const confirm = random.chance(0.3);
        books.sent(data, client.send(data, { confirm }), confirm);
      }
      if (random.chance(0.4)) {
        const data = books.request();
        books.asked(data, client.request(data, random.pick([100, 2_000])));
      }
      if (random.chance(0.1)) void books.follow('flush', client.flush());
    }
    for (const connection of this.#server.connections) this.#answer(connection);
    if (random.chance(0.1)) void books.follow('survey', this.#server.survey({ request: 'survey' }, 800));
  }

  #answer(connection: Connection): void {
    const { books, random } = this;
    for (let sends = random.between(0, 5); sends > 0; sends--) {
      const data = books.message(`connection ${connection.id}`);
      books.sent(data, connection.send(data), false);
    }
    if (random.chance(0.2)) {
      const data = books.request();
      books.asked(data, connection.request(data, 1_000));
    }
  }

  #strike(): void {
    const { random, clock } = this;
    const pairs = [...this.#faults.pairs];
    const pair = pairs.length === 0 ? undefined : random.pick(pairs);
    const client = random.pick(this.#clients);
    const later = (task: () => void): void => void clock.setTimer(task, random.between(10, 900));
    switch (random.between(0, 9)) {
      case 0:
      case 1:
        for (const each of pairs) each.cut();
        return;
      case 2:
      case 3:
        pair?.cut();
        return;
      case 4:
        pair?.blackHole(random.pick(['toServer', 'toClient', undefined] as const));
        return;
      case 5:
        pair?.blackHole();
        later(() => pair?.heal());
        return;
      case 6:
        this.#refuses = true;
        pair?.cut();
        later(() => {
          this.#refuses = false;
        });
        return;
      case 7:
        client.pause();
        later(() => client.resume());
        return;
      case 8:
        this.#server.pause();
        later(() => this.#server.resume());
        return;
      default:
        if (!random.chance(0.3)) return;
        this.#mayLose = true;
        if (random.chance(0.5)) client.destroy();
        else this.#server.connections[0]?.destroy();
        this.#addClient();
    }
  }
}

/** Runs the scenario that `seed` decides on a whole bus. */
export async function simulateBus(seed: number): Promise<BusOutcome> {
  const run = new BusRun(seed);
  await run.run();
  return run.finish(seed);
}
